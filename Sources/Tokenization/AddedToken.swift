/// A token that is found in the text as it stands, before the text is cut into words.
///
/// The members are those of `added_tokens` in `tokenizer.json`.
struct AddedToken: Sendable, Equatable {
  var id: Int32
  var content: String
  /// Marks structure, not text: may be left out when decoding.
  var special = false
  /// Counts only where no letter, digit, mark or underscore touches it.
  var singleWord = false
  /// Swallows white space before and after it.
  var stripsLeft = false
  var stripsRight = false
  /// Is looked for after the text was normalised, not before.
  var normalized = false
}
