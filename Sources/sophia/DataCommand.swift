internal import ArgumentParser
internal import DataSets
internal import VisualReasoning

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Makes the built-in data set, or checks data files.",
    subcommands: [Make.self, Check.self])

  struct Make: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Renders the built-in data set: bar charts, questions, responses to learn from.",
      discussion: """
        Writes train.jsonl and held-out.jsonl (problems), sft.jsonl (responses), trm.jsonl and trm-held-out.jsonl \
        (reasoning with scores in tenths), corpus.txt (for a tokenizer) and the pictures.

          sophia data make --out data/bars --seed 0
        """)

    @Option(help: "Folder to write; one that is there is replaced once the new one is whole.")
    var out: String

    @Option(help: "Decides every scene, question and trace.")
    var seed: UInt64 = 0

    @Option(help: "Problems to train on.")
    var trainRows = 4000

    @Option(help: "Problems to evaluate on.")
    var heldOutRows = 500

    @Option(help: "Responses for a supervised warm start.")
    var supervisedRows = 24_000

    @Option(help: "Scored traces for a thinking-reward model.")
    var judgedRows = 12_000

    func run() throws {
      let recipe = DataRecipe(
        seed: seed, trainRows: trainRows, heldOutRows: heldOutRows, supervisedRows: supervisedRows,
        judgedRows: judgedRows)
      let manifest = try BuiltInDataSet(recipe).write(to: out)
      for file in manifest.files { try printLine("\(out)/\(file.name): \(file.count)") }
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Checks data files: every row parses and its images are there.",
      discussion: """
        A folder that `sophia data make` wrote is checked against what it was made from, too.

          sophia data check data/bars
          sophia data check rows.jsonl
        """)

    @Argument(help: "Folder of the built-in data set, or files of rows (JSON list or JSONL).")
    var paths: [String]

    func run() throws {
      for path in paths {
        if isFolder(path) {
          let manifest = try BuiltInDataSet.check(path)
          for file in manifest.files { try printLine("\(path)/\(file.name): \(file.count), as it was made") }
        } else {
          let rows = try DataFile.read(path, use: .grading)
          try printLine("\(path): \(rows.count) rows")
        }
      }
    }
  }
}
