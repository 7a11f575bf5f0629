import DurableFiles
import Foundation
import Testing

@testable import Tokenization

@Suite("Learning a vocabulary, against the tokenizers library")
struct BytePairTrainerTests {
  private func learn(_ learned: Fixture.Learned, reversed: Bool = false) throws -> LearnedVocabulary {
    var trainer = BytePairTrainer()
    for text in reversed ? learned.corpus.reversed() : learned.corpus { trainer.add(text) }
    return try trainer.train(vocabularySize: learned.size)
  }

  @Test("the same corpus gives the library's tokens, merges and ids")
  func sameAsLibrary() throws {
    let learned = try Fixture.read("learned.json", as: Fixture.Learned.self)
    let ours = try learn(learned)
    #expect(ours.tokens.map { String(decoding: ByteAlphabet.spelling(of: $0), as: UTF8.self) } == learned.vocabulary)
    let merges = ours.merges.map { "\(learned.vocabulary[Int($0.left)]) \(learned.vocabulary[Int($0.right)])" }
    #expect(merges == learned.merges)
    let tokenizer = try ours.tokenizer()
    #expect(QwenToken.allCases.map { tokenizer.id(of: $0.rawValue) } == learned.special)
    #expect(tokenizer.vocabularySize == learned.size)
  }

  @Test("neither repetition nor the order of texts changes what is learned")
  func deterministic() throws {
    let learned = try Fixture.read("learned.json", as: Fixture.Learned.self)
    let once = try learn(learned)
    #expect(try learn(learned) == once)
    #expect(try learn(learned, reversed: true) == once)
    #expect(try learn(learned).tokenizerJSON == once.tokenizerJSON)
  }

  @Test("the written files are read back to the same tokenizer")
  func written() throws {
    let learned = try Fixture.read("learned.json", as: Fixture.Learned.self)
    let vocabulary = try learn(learned)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("learned-\(UUID().uuidString)").path
    try DurableFiles.createFolder(folder)
    defer { try? DurableFiles.remove(folder) }
    try vocabulary.write(to: folder)
    let (direct, read) = (try vocabulary.tokenizer(), try Tokenizer(tokenizerJSON: folder))
    for row in try Fixture.read("encodings.json", as: [Fixture.Encoding].self) {
      #expect(direct.encode(row.text) == read.encode(row.text))
    }
    let configuration = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: folder + "/tokenizer_config.json")))
    #expect((configuration as? [String: Any])?["chat_template"] as? String == ChatTemplate.jinja)
    #expect(try DurableFiles.read(folder + "/chat_template.jinja") == Array(ChatTemplate.jinja.utf8))
  }

  @Test("a corpus with nothing more to offer gives fewer tokens")
  func exhausted() throws {
    var trainer = BytePairTrainer()
    trainer.add("ab ab")
    let vocabulary = try trainer.train(vocabularySize: 1000)
    // "ab", " a" or "b" joined: two merges make " ab" of the second word, and one makes "ab" of the first.
    #expect(try vocabulary.tokenizer().vocabularySize == 256 + 8 + 2)
    #expect(try vocabulary.tokenizer().encode("ab ab").count == 2)
    #expect(try BytePairTrainer().train(vocabularySize: 264).tokenizer().vocabularySize == 264)
  }

  @Test("a size below bytes and special tokens is refused", arguments: [0, -1, 263, 1 << 40])
  func size(size: Int) {
    #expect(throws: TokenizerError.self) { try BytePairTrainer().train(vocabularySize: size) }
  }
}
