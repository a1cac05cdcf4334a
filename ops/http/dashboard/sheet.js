// A file for spreadsheets, written in the browser (RFC 4180) and handed to the reader.

/** Return the text of lines of values; `excelBr` as a spreadsheet with Brazilian settings reads it. */
export function csvOf(lines, { excelBr }) {
  const text = (value) => field(value, excelBr);
  return lines.map((line) => line.map(text).join(excelBr ? ";" : ",")).join("\r\n") + "\r\n";
}

/**
 * Quote where it is needed. A text that a spreadsheet would run as a formula gets an apostrophe before it:
 * messages come from strangers. A negative number is none.
 */
function field(value, excelBr) {
  let text = value === null || value === undefined ? "" : String(value);
  if (/^-?\d+(\.\d+)?$/.test(text)) {
    if (excelBr) text = text.replace(".", ",");
  } else {
    // who divides cells by a semicolon, as spreadsheets in Portuguese do, sees one begin after it and on a new line,
    // and takes quotation marks at the start of a cell away; full-width signs count as ASCII signs for some
    text = text.replaceAll(/([\r\n;](?:[^\S\r\n]|")*)(?=[=+\-@＝＋－＠])/g, "$1'");
    if (/^\s*[=+\-@\t\r\n＝＋－＠]/.test(text)) text = `'${text}`;
  }
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Return a text as a file. The mark at its start tells spreadsheets that it is UTF-8. */
export const fileOf = (text) => new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" });

/** Hand a file to the reader. */
export function download(name, file) {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
