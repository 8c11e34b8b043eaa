// Numbers as text.

/** A number with a minus sign (U+2212) instead of a hyphen, and no minus before zero. */
function numberText(value, decimals) {
  return value
    .toFixed(decimals)
    .replace(/^-(?=[0.]*$)/, "")
    .replace("-", "−");
}
