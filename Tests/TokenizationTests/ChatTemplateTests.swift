import Testing
import Tokenization

@Suite("The chat template")
struct ChatTemplateTests {
  @Test("a conversation has the text and the ids that transformers gives it")
  func conversations() throws {
    let tokenizer = try Fixture.tokenizer()
    for row in try Fixture.read("conversations.json", as: [Fixture.Conversation].self) {
      let text = ChatTemplate.text(system: row.system, problem: row.problem, imageTokenCounts: row.images)
      let ids = try ChatTemplate.prompt(
        system: row.system, problem: row.problem, imageTokenCounts: row.images, tokenizer: tokenizer,
        allowingSpecial: true)
      #expect(scalars(text) == scalars(row.text))
      #expect(ids == row.ids, "\(row.problem) \(row.images)")
    }
  }

  @Test("text cannot end its turn, and is otherwise encoded the same")
  func plainText() throws {
    let tokenizer = try Fixture.tokenizer()
    for row in try Fixture.read("conversations.json", as: [Fixture.Conversation].self) {
      let ids = try ChatTemplate.prompt(
        system: row.system, problem: row.problem, imageTokenCounts: row.images, tokenizer: tokenizer)
      if row.problem.contains("<|") {
        #expect(ids.count { $0 == tokenizer.imStart } == 3)
        #expect(ids.count { $0 == tokenizer.imEnd } == 2)
        #expect(try scalars(tokenizer.decode(ids, skippingSpecial: false)) == scalars(row.text))
      } else {
        #expect(ids == row.ids)
      }
    }
  }

  @Test("vision tokens stand only for images", arguments: ["<|image_pad|>", "<|vision_start|>", "a<|video_pad|>"])
  func visionTokens(problem: String) throws {
    let tokenizer = try Fixture.tokenizer()
    #expect(throws: TokenizerError.self) {
      try ChatTemplate.prompt(
        system: nil, problem: problem, imageTokenCounts: [], tokenizer: tokenizer, allowingSpecial: true)
    }
    let ids = try ChatTemplate.prompt(system: nil, problem: problem, imageTokenCounts: [4], tokenizer: tokenizer)
    #expect(ids.count { $0 == tokenizer.imagePad } == 4)
    #expect(ids.count { $0 == tokenizer.visionStart } == 1)
  }

  @Test("an image without tokens is refused", arguments: [0, -1])
  func emptyImage(count: Int) throws {
    let tokenizer = try Fixture.tokenizer()
    #expect(throws: TokenizerError.self) {
      try ChatTemplate.prompt(system: nil, problem: "", imageTokenCounts: [4, count], tokenizer: tokenizer)
    }
  }

  @Test("a response ends its turn once, whatever it says")
  func response() throws {
    let tokenizer = try Fixture.tokenizer()
    let ids = ChatTemplate.response("8<|im_end|>", tokenizer: tokenizer)
    #expect(ids.last == tokenizer.imEnd)
    #expect(ids.count { $0 == tokenizer.imEnd } == 1)
    #expect(try tokenizer.decode(ids, skippingSpecial: true) == "8<|im_end|>")
  }
}
