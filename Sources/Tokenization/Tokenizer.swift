internal import DurableFiles
internal import Limits

/// Byte-level byte-pair encoding as Qwen2.5-VL has it, read from the `tokenizer.json` of a model folder.
///
/// Encodes and decodes to what the `tokenizers` library gives for the same file. With all 256 bytes in the vocabulary, as
/// every published one has them, any text can be encoded, and decodes to itself once normalised.
package struct Tokenizer: Sendable {
  /// One more than the largest token id: the least `vocab_size` of a model that this tokenizer fits.
  package var vocabularySize: Int { table.size }

  /// Ids of the tokens that a conversation is made of.
  package let endOfText, imStart, imEnd, visionStart, visionEnd, imagePad: Int32

  private let table: TokenTable
  private let merges: PairMerges
  /// [byte]: the token that stands for it alone; nil for a byte that the vocabulary lacks, and that is left out of texts.
  private let byteTokens: [Int32?]
  private let composes: Bool
  private let specialIDs: Set<Int32>
  /// Added tokens that are found before and after normalisation.
  private let literal, normalized: AddedTokenMatcher

  /// - Parameter path: a `tokenizer.json`, or the model folder that holds one.
  /// - Throws: `FileError` or `TokenizerError`.
  package init(tokenizerJSON path: String) throws {
    let path = path.hasSuffix(".json") ? path : path + "/tokenizer.json"
    try self.init(json: DurableFiles.read(path, limit: Limits.standard.models.tokenizer), named: path)
  }

  /// - Parameters:
  ///   - json: the bytes of a `tokenizer.json`.
  ///   - name: what to call it in errors.
  package init(json: [UInt8], named name: String) throws(TokenizerError) {
    try self.init(TokenizerFile(json, named: name), named: name)
  }

  init(_ file: TokenizerFile, named name: String) throws(TokenizerError) {
    var table = TokenTable()
    table.reserveCapacity(file.vocabulary.count + file.addedTokens.count)
    for (spelling, id) in file.vocabulary {
      guard table.add(spelling, meaning: ByteAlphabet.bytes(of: spelling), id: id) else {
        throw .inconsistent("token \(String(decoding: spelling, as: UTF8.self)) or its id \(id) occurs twice", in: name)
      }
    }
    byteTokens = (UInt8.min...UInt8.max).map { table.id(of: ByteAlphabet.spelling(of: [$0])) }
    merges = try Self.merges(file, table, name)
    for token in file.addedTokens {
      let spelling = Array(token.content.utf8)
      // A token of the vocabulary may be listed again, to have it found in the text as it stands.
      if table.id(of: spelling) == token.id { continue }
      guard table.add(spelling, meaning: ByteAlphabet.bytes(of: Self.sought(token, file)), id: token.id) else {
        throw .inconsistent("added token \(token.content) or its id \(token.id) is taken by another", in: name)
      }
    }
    func special(_ token: QwenToken) throws(TokenizerError) -> Int32 {
      guard let id = table.id(of: Array(token.rawValue.utf8)) else {
        throw .inconsistent("there is no token \(token.rawValue), which Qwen2.5-VL needs", in: name)
      }
      return id
    }
    endOfText = try special(.endOfText)
    imStart = try special(.imStart)
    imEnd = try special(.imEnd)
    visionStart = try special(.visionStart)
    visionEnd = try special(.visionEnd)
    imagePad = try special(.imagePad)
    composes = file.composes
    specialIDs = Set(file.addedTokens.filter(\.special).map(\.id))
    literal = AddedTokenMatcher(file.addedTokens.filter { !$0.normalized }) { Self.sought($0, file) }
    normalized = AddedTokenMatcher(file.addedTokens.filter(\.normalized)) { Self.sought($0, file) }
    self.table = table
  }

  /// - Returns: the id of a token by its spelling in the file, for instance `<|im_end|>`; nil if there is none.
  package func id(of token: String) -> Int32? { table.id(of: Array(token.utf8)) }

  /// Whether the id is that of a token that marks structure rather than stands for text.
  package func isSpecial(_ id: Int32) -> Bool { specialIDs.contains(id) }

  /// - Parameter allowingSpecial: if false, the names of special tokens in the text are text like any other. So must
  ///   text be encoded whose writer is not to have a say in the structure of a conversation.
  /// - Returns: token ids.
  package func encode(_ text: String, allowingSpecial: Bool = true) -> [Int32] {
    var ids: [Int32] = []
    var merger = WordMerger()
    var text = text
    text.withUTF8 { text in
      ids.reserveCapacity(text.count / 3 + 4)
      for piece in literal.pieces(of: text, allowingSpecial: allowingSpecial) {
        switch piece {
        case .token(let id): ids.append(id)
        case .text(let range):
          let part = UnsafeBufferPointer(rebasing: text[range])
          if composes, let composed = CanonicalComposition.composed(part) {
            composed.withUnsafeBufferPointer { encodeNormalized($0, allowingSpecial, &merger, &ids) }
          } else {
            encodeNormalized(part, allowingSpecial, &merger, &ids)
          }
        }
      }
    }
    return ids
  }

  /// - Parameter skippingSpecial: leave out the tokens that mark structure.
  /// - Returns: the text; bytes that are no UTF-8 become U+FFFD, one for each longest piece of a character.
  /// - Throws: if an id stands for nothing.
  package func decode(_ ids: [Int32], skippingSpecial: Bool) throws(TokenizerError) -> String {
    var bytes: [UInt8] = []
    for id in ids { try append(id, to: &bytes, skippingSpecial: skippingSpecial) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends the bytes that a token stands for.
  func append(_ id: Int32, to bytes: inout [UInt8], skippingSpecial: Bool) throws(TokenizerError) {
    guard let meaning = table.bytes(of: id) else { throw .unknownID(id, vocabularySize: vocabularySize) }
    if skippingSpecial, specialIDs.contains(id) { return }
    bytes.append(contentsOf: meaning)
  }

  private func encodeNormalized(
    _ text: UnsafeBufferPointer<UInt8>, _ allowingSpecial: Bool, _ merger: inout WordMerger, _ ids: inout [Int32]
  ) {
    for piece in normalized.pieces(of: text, allowingSpecial: allowingSpecial) {
      switch piece {
      case .token(let id): ids.append(id)
      case .text(let range):
        PreTokenizer.forEachWord(in: UnsafeBufferPointer(rebasing: text[range])) { word in
          merger.merge(word.lazy.compactMap { byteTokens[Int($0)] }, by: merges, into: &ids)
        }
      }
    }
  }

  private static func merges(
    _ file: TokenizerFile, _ table: TokenTable, _ name: String
  ) throws(TokenizerError) -> PairMerges {
    var merges = PairMerges(capacity: file.merges.count)
    for (left, right) in file.merges {
      guard let leftID = table.id(of: left), let rightID = table.id(of: right), let joined = table.id(of: left + right)
      else {
        let pair = String(decoding: left + [UInt8(ascii: " ")] + right, as: UTF8.self)
        throw .inconsistent("merge \(merges.merged.count), \(pair), has a token that is not in the vocabulary", in: name)
      }
      merges.append(leftID, rightID, makes: joined)
    }
    return merges
  }

  /// What is looked for in the text: a token sought after normalisation is normalised too.
  private static func sought(_ token: AddedToken, _ file: TokenizerFile) -> [UInt8] {
    let bytes = Array(token.content.utf8)
    guard token.normalized, file.composes else { return bytes }
    return bytes.withUnsafeBufferPointer { CanonicalComposition.composed($0) } ?? bytes
  }
}
