/// The steps around the model. Each has one form in the files of Qwen2.5-VL; a file with another is refused by name,
/// for to ignore the difference would be to encode wrongly in silence.
extension TokenizerFile {
  static func composes(_ normalizer: JSONValue, _ name: String) throws(TokenizerError) -> Bool {
    guard normalizer != .null else { return false }
    let steps = normalizer["type"].string == "Sequence" ? normalizer["normalizers"].elements ?? [] : [normalizer]
    for step in steps where step["type"].string != "NFC" {
      throw .unsupported("normalizer \(described(step))", in: name, wanted: "NFC")
    }
    return !steps.isEmpty
  }

  static func checkPreTokenizer(_ preTokenizer: JSONValue, _ name: String) throws(TokenizerError) {
    let steps = preTokenizer["pretokenizers"].elements ?? []
    guard preTokenizer["type"].string == "Sequence", steps.count == 2, steps[0]["type"].string == "Split",
      steps[1]["type"].string == "ByteLevel"
    else {
      let found = steps.isEmpty ? described(preTokenizer) : steps.map(described).joined(separator: " + ")
      throw .unsupported("pre_tokenizer \(found)", in: name, wanted: "Split by Qwen's pattern + ByteLevel")
    }
    let pattern = steps[0]["pattern"]["Regex"].string ?? steps[0]["pattern"]["String"].string ?? "?"
    guard steps[0]["pattern"]["Regex"].string == PreTokenizer.pattern else {
      throw .unsupported("pre_tokenizer pattern \(pattern)", in: name, wanted: "Qwen's, \(PreTokenizer.pattern)")
    }
    guard steps[0]["behavior"].string == "Isolated", !steps[0]["invert"].isTrue else {
      throw .unsupported("this behavior of pre_tokenizer Split", in: name, wanted: "Isolated, not inverted")
    }
    // Where it is not said, `tokenizers` takes both to be true.
    guard steps[1]["add_prefix_space"] == .boolean(false), steps[1]["use_regex"] == .boolean(false) else {
      throw .unsupported(
        "pre_tokenizer ByteLevel with add_prefix_space or use_regex", in: name, wanted: "both of them false")
    }
  }

  static func checkIsByteLevel(_ step: JSONValue, _ part: String, _ name: String) throws(TokenizerError) {
    guard step["type"].string == "ByteLevel" else {
      throw .unsupported("\(part) \(described(step))", in: name, wanted: "ByteLevel")
    }
  }

  private static func described(_ step: JSONValue) -> String {
    step["type"].string ?? (step == .null ? "null" : "without a type")
  }
}
