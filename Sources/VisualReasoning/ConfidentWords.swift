/// The words of somebody who is sure instead of reading: `clearly`, `surely`, `obviously`.
package enum ConfidentWords {
  /// How many of them stand in a text.
  package static func count(in text: String) -> Int {
    text.split { $0.isWhitespace || $0 == "." }.count { Wording.confidence.contains(String($0)) }
  }
}
