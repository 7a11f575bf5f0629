internal import ArgumentParser
internal import Tokenization

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Turns text into token ids, or back.",
    discussion: """
      A JSON string a line in, a JSON array of ids a line out; with --decode the other way.

        echo '"red + blue ?"' | sophia tokenize --model runs/demo/policy
        echo '[12, 305]' | sophia tokenize --model runs/demo/policy --decode
      """)

  @Option(help: "Model folder; its tokenizer.json is used.")
  var model: String

  @Option(help: "File of lines; standard input if absent.")
  var input: String?

  @Flag(help: "Ids in, text out.")
  var decode = false

  func run() throws {
    try TokenizeLines.run(model: model, decode: decode, lines: InputLines(input), output: printLine)
  }
}
