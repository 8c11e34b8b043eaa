"""Names of the session's workers of this lab; starting one run stops the others."""

WATCH, IDENTIFY, PREDICT, IMAGES = WORKERS = (
    "mnar watch",
    "mnar identify",
    "mnar predict",
    "mnar images",
)
