internal import Foundation

/// Normal forms in linear time, for any text.
///
/// Two things would take the square of the length: sorting a run of combining marks, so that a run is interrupted by U+034F
/// after every 30 (Unicode Standard Annex 15, stream-safe text format); and normalising a long text as a whole, so that it is
/// normalised in pieces which begin where nothing joins what is before.
func normalized(_ text: some StringProtocol, _ form: (String) -> String) -> String {
  var result = ""
  var piece = String.UnicodeScalarView()
  var (length, run) = (0, 0)
  for scalar in text.unicodeScalars {
    let joins = joinsWhatIsBefore(scalar)
    if length >= 64, !joins {
      result += form(String(piece))
      piece = String.UnicodeScalarView()
      length = 0
    }
    run = joins ? run + 1 : 0
    if run > 30 {
      piece.append("\u{34F}")
      run = 1
    }
    piece.append(scalar)
    length += 1
  }
  return result + form(String(piece))
}

/// Marks, and the vowels and last consonants of Hangul syllables.
private func joinsWhatIsBefore(_ scalar: Unicode.Scalar) -> Bool {
  if scalar.value < 0x300 { return false }
  switch scalar.properties.generalCategory {
  case .nonspacingMark, .spacingMark, .enclosingMark: return true
  default:
    return 0x1160...0x11FF ~= scalar.value || 0xD7B0...0xD7FF ~= scalar.value
      || scalar.properties.canonicalCombiningClass != .notReordered
  }
}
