internal import DurableFiles

/// A vocabulary as `BytePairTrainer` learned it: 256 bytes, then merges, then Qwen's special tokens, then texts kept whole.
package struct LearnedVocabulary: Sendable, Equatable {
  /// [id]: the bytes each token stands for, special tokens not counted.
  private(set) var tokens: [[UInt8]]
  /// In the order they were learned, as ids.
  private(set) var merges: [(left: Int32, right: Int32)] = []
  /// [byte]: the token that stands for it alone.
  let idOfByte: [Int32]
  private var idOfToken: [[UInt8]: Int32]

  /// Texts that are one token each wherever they occur.
  private let kept: [String]

  init(keeping kept: [String] = []) {
    self.kept = kept
    tokens = ByteAlphabet.bytesByScalar.map { [$0] }
    var ids = [Int32](repeating: 0, count: 256)
    for (id, byte) in ByteAlphabet.bytesByScalar.enumerated() { ids[Int(byte)] = Int32(id) }
    idOfByte = ids
    idOfToken = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, Int32($0)) })
  }

  package static func == (one: Self, other: Self) -> Bool {
    one.tokens == other.tokens && one.kept == other.kept && one.merges.elementsEqual(other.merges, by: ==)
  }

  /// Adds a merge.
  ///
  /// - Returns: the id of the token it makes; an old one where other tokens already gave the same bytes.
  mutating func merge(_ left: Int32, _ right: Int32) -> Int32 {
    merges.append((left, right))
    let joined = tokens[Int(left)] + tokens[Int(right)]
    if let id = idOfToken[joined] { return id }
    idOfToken[joined] = Int32(tokens.count)
    tokens.append(joined)
    return Int32(tokens.count - 1)
  }

  /// - Returns: a tokenizer of this vocabulary, the same as one read from the written files.
  package func tokenizer() throws -> Tokenizer {
    try Tokenizer(file, named: "a learned vocabulary")
  }

  /// Writes `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja`, which `transformers` reads as those of a
  /// Qwen2.5-VL model: the tokenizer looks for the template in its configuration, the processor in a file of its own.
  ///
  /// - Parameter folder: exists.
  /// - Throws: `FileError`.
  package func write(to folder: String) throws {
    try DurableFiles.write(tokenizerJSON, to: folder + "/tokenizer.json")
    try DurableFiles.write(Self.configurationJSON, to: folder + "/tokenizer_config.json")
    try DurableFiles.write(ChatTemplate.jinja, to: folder + "/chat_template.jinja")
  }

  private var file: TokenizerFile {
    TokenizerFile(
      vocabulary: tokens.enumerated().map { (ByteAlphabet.spelling(of: $1), Int32($0)) },
      merges: merges.map { (spelling(of: $0.left), spelling(of: $0.right)) },
      addedTokens: addedTokens, composes: true)
  }

  private var addedTokens: [AddedToken] {
    let texts = QwenToken.allCases.map { (text: $0.rawValue, isSpecial: true) } + kept.map { (text: $0, isSpecial: false) }
    return texts.enumerated().map {
      AddedToken(id: Int32(tokens.count + $0), content: $1.text, special: $1.isSpecial)
    }
  }

  private func spelling(of id: Int32) -> [UInt8] { ByteAlphabet.spelling(of: tokens[Int(id)]) }

  private func quotedSpelling(of id: Int32) -> String {
    JSONText.quoted(String(decoding: spelling(of: id), as: UTF8.self))
  }
}

extension LearnedVocabulary {
  /// The whole of `tokenizer.json`.
  package var tokenizerJSON: String {
    let added = addedTokens.map { token in
      """
          {"id": \(token.id), "content": \(JSONText.quoted(token.content)), "single_word": false, "lstrip": false, \
      "rstrip": false, "normalized": false, "special": \(token.special)}
      """
    }
    let vocabulary = tokens.indices.map { "      \(quotedSpelling(of: Int32($0))): \($0)" }
    let merges = merges.map { "      [\(quotedSpelling(of: $0.left)), \(quotedSpelling(of: $0.right))]" }
    return """
      {
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [
      \(added.joined(separator: ",\n"))
        ],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {
          "type": "Sequence",
          "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": \(JSONText.quoted(PreTokenizer.pattern))}, "behavior": "Isolated", \
      "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}
          ]
        },
        "post_processor": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        "model": {
          "type": "BPE",
          "dropout": null,
          "unk_token": null,
          "continuing_subword_prefix": "",
          "end_of_word_suffix": "",
          "fuse_unk": false,
          "byte_fallback": false,
          "ignore_merges": false,
          "vocab": {
      \(vocabulary.joined(separator: ",\n"))
          },
          "merges": [
      \(merges.joined(separator: ",\n"))
          ]
        }
      }

      """
  }

  /// The whole of `tokenizer_config.json`.
  static var configurationJSON: String {
    let additional = QwenToken.allCases.dropFirst().map { JSONText.quoted($0.rawValue) }
    return """
      {
        "add_bos_token": false,
        "add_prefix_space": false,
        "additional_special_tokens": [\(additional.joined(separator: ", "))],
        "bos_token": null,
        "chat_template": \(JSONText.quoted(ChatTemplate.jinja)),
        "clean_up_tokenization_spaces": false,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 131072,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": false,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": null
      }

      """
  }
}
