internal import Foundation

/// Unicode's normalisation form C, as the `tokenizers` library applies it.
enum CanonicalComposition {
  /// - Parameter text: valid UTF-8.
  /// - Returns: nil if the text is surely in that form already.
  static func composed(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    // By leading byte: nothing below U+0300 changes, nor U+4000 to U+9FFF and U+B000 to U+EFFF, which hold no marks to be
    // put in order and nothing to be joined (a Hangul syllable takes in only Jamo of U+11xx, and they begin with E1).
    let mayChange = text.contains { (0xCC...0xE3).contains($0) || $0 == 0xEA || $0 >= 0xEF }
    guard mayChange else { return nil }
    var composed: [UInt8] = []
    composed.reserveCapacity(text.count)
    var run = String.UnicodeScalarView()
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if isKnown(scalar) {
        run.append(scalar)
      } else {
        append(run, to: &composed)
        run.removeAll(keepingCapacity: true)
        composed.append(contentsOf: UTF8.encode(scalar) ?? .encodedReplacementCharacter)
      }
    }
    append(run, to: &composed)
    return composed
  }

  /// The library has the tables of Unicode 9: what came later neither moves nor joins there, and keeps apart what stands
  /// on either side of it. So does U+11A7, which joins nothing, though Foundation takes it for a final consonant.
  private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value == 0x11A7 { return false }
    if scalar.value < 0x300 || (0x3000...0x9FFF).contains(scalar.value) { return true }
    return scalar.properties.age.map { $0.major <= 9 } ?? false
  }

  private static func append(_ run: String.UnicodeScalarView, to composed: inout [UInt8]) {
    // Decomposed first: Foundation leaves a final consonant apart from a syllable that is already composed.
    let decomposed = String(run).decomposedStringWithCanonicalMapping
    composed.append(contentsOf: decomposed.precomposedStringWithCanonicalMapping.utf8)
  }
}
