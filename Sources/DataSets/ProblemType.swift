/// How an answer is judged; the raw value is what data rows say.
package enum ProblemType: String, Sendable, Codable, Hashable, CaseIterable {
  /// Equal as mathematics.
  case numerical
  /// The set of letters.
  case multipleChoice = "multiple choice"
  /// Word error rate.
  case opticalCharacters = "OCR"
  /// ROUGE.
  case freeForm = "free-form"
  /// The same text, but for case, space and punctuation at its ends.
  case text
}
