// Numbers as they are shown.

/** A number with a minus that is as wide as a plus, and no minus before zero. */
function numberText(value, decimals) {
  return value
    .toFixed(decimals)
    .replace(/^-(?=[0.]*$)/, "")
    .replace("-", "−");
}
