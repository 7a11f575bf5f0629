internal import Foundation

/// Whether two texts are the same but for case, runs of white space, compatible forms of a character (`ﬁ` and `fi`), and
/// punctuation at their ends.
///
/// - Returns: `false` if the solution has nothing else in it.
package func sameText(_ answer: String, _ solution: String) -> Bool {
  sameText(UTF8Text(answer.utf8), UTF8Text(solution.utf8))
}

func sameText(_ answer: UTF8Text, _ solution: UTF8Text) -> Bool {
  let truth = plainText(solution)
  return !truth.isEmpty && plainText(answer) == truth
}

private func plainText(_ text: UTF8Text) -> UTF8Text {
  let folded = isASCII(text) ? text : foldedForms(text)
  let words = oneSpaced(folded)
  let start = trimmedStart(words)
  return UTF8Text(words[start..<trimmedEnd(words, from: start)])
}

/// Lower case in the normal form NFKC. Lower case may leave it, and then is brought back to it.
private func foldedForms(_ text: UTF8Text) -> UTF8Text {
  let lower = normalized(String(decoding: text, as: UTF8.self)) { $0.precomposedStringWithCompatibilityMapping.lowercased() }
  return UTF8Text(normalized(lower) { $0.precomposedStringWithCompatibilityMapping }.utf8)
}

/// Lower case for ASCII, each run of white space one space, none at the ends.
private func oneSpaced(_ text: UTF8Text) -> UTF8Text {
  var result = UTF8Text()
  result.reserveCapacity(text.count)
  forEachSolidByte(of: text) { byte, isBehindSpace in
    if isBehindSpace, !result.isEmpty { result.append(0x20) }
    result.append(lowerCase(byte))
  }
  return result
}

private func isEdge(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar {
  case " ", "$", "`", "*": return true
  case "0"..."9", "a"..."z": return false
  default: break
  }
  switch scalar.properties.generalCategory {
  case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation,
    .otherPunctuation:
    return true
  default: return false
  }
}

private func trimmedStart(_ text: UTF8Text) -> Int {
  var position = 0
  while position < text.count {
    let (first, length) = decodedScalar(text, at: position)
    guard isEdge(first) else { break }
    position += length
  }
  return position
}

private func trimmedEnd(_ text: UTF8Text, from start: Int) -> Int {
  var end = text.count
  while end > start {
    var last = end - 1
    while last > start, text[last] & 0xC0 == 0x80 { last -= 1 }
    guard isEdge(decodedScalar(text, at: last).scalar) else { break }
    end = last
  }
  return end
}
