internal import Limits

/// What a `tokenizer.json` says, checked to be of the one kind that is understood here.
struct TokenizerFile {
  /// In the order of the file.
  var vocabulary: [(spelling: [UInt8], id: Int32)] = []
  /// In the order they were learned.
  var merges: [(left: [UInt8], right: [UInt8])] = []
  var addedTokens: [AddedToken] = []
  /// Whether texts are brought to normalisation form C first.
  var composes = false

  static let tokenLimit = Limits.standard.models.tokens
  /// In bytes, of one token's spelling.
  static let spellingLimit = Limits.standard.models.tokenBytes

  init(
    vocabulary: [(spelling: [UInt8], id: Int32)], merges: [(left: [UInt8], right: [UInt8])],
    addedTokens: [AddedToken], composes: Bool
  ) {
    self.vocabulary = vocabulary
    self.merges = merges
    self.addedTokens = addedTokens
    self.composes = composes
  }

  /// - Parameter name: what to call the file in errors.
  init(_ bytes: [UInt8], named name: String) throws(TokenizerError) {
    do {
      try read(bytes, name)
    } catch let failure as JSONFailure {
      throw .notJSON(name, failure)
    } catch let error as TokenizerError {
      throw error
    } catch {
      throw .inconsistent("\(error)", in: name)
    }
  }

  private mutating func read(_ bytes: [UInt8], _ name: String) throws {
    var reader = try JSONReader(bytes)
    var parts: [String: JSONValue] = [:]
    var hasModel = false
    try reader.object { reader, key in
      switch String(decoding: key, as: UTF8.self) {
      case "model":
        hasModel = true
        try readModel(&reader, name)
      case "added_tokens":
        try reader.array { addedTokens.append(try Self.addedToken(&$0, name)) }
        try Self.check(addedTokens.count, name)
      case let part: parts[part] = try reader.value()
      }
    }
    try reader.end()
    guard hasModel else { throw TokenizerError.unsupported("a file without a model", in: name, wanted: "type BPE") }
    composes = try Self.composes(parts["normalizer"] ?? .null, name)
    try Self.checkPreTokenizer(parts["pre_tokenizer"] ?? .null, name)
    try Self.checkIsByteLevel(parts["decoder"] ?? .null, "decoder", name)
    let after = parts["post_processor"] ?? .null
    if after != .null { try Self.checkIsByteLevel(after, "post_processor", name) }
  }

  private mutating func readModel(_ reader: inout JSONReader, _ name: String) throws {
    var settings: [String: JSONValue] = [:]
    try reader.object { reader, key in
      switch String(decoding: key, as: UTF8.self) {
      case "vocab": try readVocabulary(&reader, name)
      case "merges": try readMerges(&reader, name)
      case let setting: settings[setting] = try reader.value()
      }
    }
    if let type = settings["type"], type != .string("BPE") {
      throw TokenizerError.unsupported("model type \(type.string ?? "?")", in: name, wanted: "BPE")
    }
    for setting in ["dropout", "unk_token"] where settings[setting] ?? .null != .null {
      throw TokenizerError.unsupported("model.\(setting)", in: name, wanted: "null")
    }
    for setting in ["continuing_subword_prefix", "end_of_word_suffix"] where settings[setting]?.string ?? "" != "" {
      throw TokenizerError.unsupported("model.\(setting)", in: name, wanted: "an empty one")
    }
    for setting in ["byte_fallback", "ignore_merges"] where settings[setting]?.isTrue == true {
      throw TokenizerError.unsupported("model.\(setting)", in: name, wanted: "false")
    }
  }

  private mutating func readVocabulary(_ reader: inout JSONReader, _ name: String) throws {
    try reader.object { reader, spelling in
      vocabulary.append((spelling, try Self.id(reader.integer(), name)))
      guard spelling.count <= Self.spellingLimit else {
        throw TokenizerError.tooLarge("a token of \(spelling.count) bytes, more than \(Self.spellingLimit)", in: name)
      }
      try Self.check(vocabulary.count, name)
    }
  }

  /// Each merge is "left right" in older files, ["left", "right"] in newer ones.
  private mutating func readMerges(_ reader: inout JSONReader, _ name: String) throws {
    try reader.array { reader in
      var pair: [[UInt8]] = []
      if reader.skipSpace() == UInt8(ascii: "[") {
        try reader.array { pair.append(try $0.string()) }
      } else {
        let text = try reader.string()
        pair = text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map(Array.init)
      }
      guard pair.count == 2, !pair[0].isEmpty, !pair[1].isEmpty else {
        throw TokenizerError.inconsistent("merge \(merges.count) is not a pair of tokens", in: name)
      }
      merges.append((pair[0], pair[1]))
      try Self.check(merges.count, name)
    }
  }

  private static func addedToken(_ reader: inout JSONReader, _ name: String) throws -> AddedToken {
    var id: Int?
    var token = AddedToken(id: 0, content: "")
    try reader.object { reader, key in
      switch String(decoding: key, as: UTF8.self) {
      case "id": id = try reader.integer()
      case "content": token.content = String(decoding: try reader.string(), as: UTF8.self)
      case "special": token.special = try reader.boolean()
      case "single_word": token.singleWord = try reader.boolean()
      case "lstrip": token.stripsLeft = try reader.boolean()
      case "rstrip": token.stripsRight = try reader.boolean()
      case "normalized": token.normalized = try reader.boolean()
      default: _ = try reader.value()
      }
    }
    guard let id, !token.content.isEmpty, token.content.utf8.count <= spellingLimit else {
      throw TokenizerError.inconsistent(
        "an added token needs an id and a content of 1 to \(spellingLimit) bytes", in: name)
    }
    token.id = try Self.id(id, name)
    return token
  }

  private static func id(_ value: Int, _ name: String) throws(TokenizerError) -> Int32 {
    guard value >= 0, value < 2 * tokenLimit else {
      throw .tooLarge("token id \(value), not between 0 and \(2 * tokenLimit - 1)", in: name)
    }
    return Int32(value)
  }

  private static func check(_ count: Int, _ name: String) throws(TokenizerError) {
    guard count <= tokenLimit else { throw .tooLarge("more than \(tokenLimit) tokens or merges", in: name) }
  }
}
