import DataSets
import DurableFiles
import Foundation
import Images
import Testing

@testable import VisualReasoning

@Suite("the built-in data set")
struct BuiltInDataSetTests {
  static let small = DataRecipe(
    seed: 3, trainRows: 120, heldOutRows: 40, supervisedRows: 300, judgedRows: 200, judgedHeldOutRows: 50)

  // MARK: distributions

  @Test("kinds of question occur as often as the mixture says", arguments: [DataMixture.standard, .harder])
  func kinds(mixture: DataMixture) throws {
    let data = try BuiltInDataSet(DataRecipe(seed: 1, trainRows: 6000, heldOutRows: 1, mixture: mixture))
    let rows = data.problems(.train)
    let counts = Question.Kind.allCases.map { kind in rows.count { Question(text: $0.problem)?.kind == kind } }
    #expect(counts.reduce(0, +) == 6000)
    #expect(chiSquare(counts, expected: mixture.questions) < 18.5)
  }

  @Test("habits and misreadings occur as often as the mixture says", arguments: [DataMixture.standard, .harder])
  func habits(mixture: DataMixture) throws {
    let data = try BuiltInDataSet(
      DataRecipe(seed: 2, trainRows: 2000, heldOutRows: 1, supervisedRows: 12_000, mixture: mixture))
    var counts = [Habit: Int]()
    var (read, misread) = (0, 0)
    for (index, row) in data.supervisedRows().enumerated() {
      let trace = Trace(response: try #require(row.response))
      let habit: Habit =
        switch trace.steps[0].step {
        case .claim(["roughly"], _): .eyeballed
        case .claim: .confident
        default: .careful
        }
      counts[habit, default: 0] += 1
      for case .reading(let colour, let value) in trace.steps.map(\.step) {
        let error = abs(data.trainScenes[index % 2000].value(of: colour) - value)
        #expect(error <= 1)
        read += 1
        misread += error
      }
    }
    #expect(chiSquare(Habit.allCases.map { counts[$0] ?? 0 }, expected: mixture.habits) < 13.8)
    let rate = mixture.probability(ofMisreadingBy: .careful)
    let deviation = (rate * (1 - rate) / Double(read)).squareRoot()
    #expect(abs(Double(misread) / Double(read) - rate) < 4 * deviation)
  }

  @Test("traces with scores are spread evenly over the ten intervals, and their scores are the checker's")
  func evenScores() throws {
    let data = try BuiltInDataSet(Self.small)
    let traces = LabelledTraces(seed: 3, part: .train, mixture: .standard, scenes: data.trainScenes).draw(203)
    let counts = (0..<10).map { interval in
      traces.count { LabelledTraces.interval(of: $0.assessment.quality) == interval }
    }
    #expect(counts == [21, 21, 21, 20, 20, 20, 20, 20, 20, 20])
    let faults = Set(traces.flatMap { $0.assessment.faults.compactMap(\.self) })
    #expect(faults == Set(TraceFault.allCases))
    for row in data.judgedRows(.train) {
      let score = try #require(row.thinkingScore)
      #expect((score * 10).rounded() / 10 == score)
    }
  }

  @Test(
    "an interval holds its lower bound",
    arguments: [(0.0, 0), (0.05, 0), (0.1, 1), (0.3, 3), (0.7, 7), (2.0 / 3, 6), (0.9, 9), (1.0, 9)] as [(Double, Int)])
  func intervals(quality: Double, interval: Int) {
    #expect(LabelledTraces.interval(of: quality) == interval)
  }

  // MARK: rows

  @Test("every solution equals an independent evaluation of the question on the scene")
  func solutions() throws {
    let data = try BuiltInDataSet(Self.small)
    for part in DataPart.allCases {
      for (row, scene) in zip(data.problems(part), data.scenes(of: part)) {
        let values = Dictionary(uniqueKeysWithValues: scene.bars.map { ($0.colour.rawValue, $0.value) })
        let answer = try #require(QuestionTests.evaluate(row.problem, values))
        #expect(row.solution == "<answer>\(answer)</answer>")
      }
    }
  }

  @Test("no scene that is held out occurs in training, under any seed")
  func apart() throws {
    var train: Set<Scene> = []
    var heldOut: Set<Scene> = []
    for seed in UInt64(0)..<4 {
      let data = try BuiltInDataSet(DataRecipe(seed: seed, trainRows: 4000, heldOutRows: 500))
      train.formUnion(data.trainScenes)
      heldOut.formUnion(data.heldOutScenes)
    }
    #expect(train.isDisjoint(with: heldOut))
  }

  @Test("what the policy is given tells nothing of the values: the same under any scene but for picture and solution")
  func nothingGivenAway() throws {
    let data = try BuiltInDataSet(Self.small)
    for (index, row) in data.problems(.heldOut).enumerated() {
      let question = try #require(Question(text: row.problem))
      #expect(row.problemID == "held-out-" + String(repeating: "0", count: 6 - "\(index)".count) + "\(index)")
      #expect(row.images.map(\.name) == ["images/\(row.problemID).png"])
      let lines = [question.text] + (question.isMultipleChoice ? ["A greater; B smaller; C equal"] : [])
      #expect(row.prompt == lines.joined(separator: "\n"))
      #expect(row.response == nil && row.system == nil && row.thinkingScore == nil)
    }
  }

  @Test("sizes that make no data set are refused", arguments: [(0, 1, 1), (1, 0, 1), (1, 1, -1)])
  func sizes(train: Int, heldOut: Int, supervised: Int) {
    #expect(throws: VisualReasoningError.self) {
      try BuiltInDataSet(DataRecipe(seed: 0, trainRows: train, heldOutRows: heldOut, supervisedRows: supervised))
    }
  }

  // MARK: folders

  @Test("a folder is written, checks out, and is the same bytes when written again")
  func folder() throws {
    try withFolder { folder in
      let data = try BuiltInDataSet(Self.small)
      #expect(!data.isWritten(to: folder))
      let manifest = try data.write(to: folder)
      #expect(data.isWritten(to: folder))
      #expect(try BuiltInDataSet.check(folder) == manifest)
      #expect(try data.write(to: folder) == manifest)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(Set(names) == Set(manifest.files.map(\.name) + ["manifest.json"]))
      #expect(!FileManager.default.fileExists(atPath: folder + ".partial"))

      let rows = try DataFile.read("\(folder)/held-out.jsonl", use: .grading)
      let catalogue = try SceneCatalogue(folder: folder)
      for (row, scene) in zip(rows, data.heldOutScenes) {
        #expect(catalogue.scene(path: row.images[0].name) == scene)
        let image = try ImageFile.decode(DurableFiles.read(row.images[0].path), named: row.problemID)
        #expect(PixelReader.bars(of: image, drawnBy: data.recipe.renderer).map(\.colour) == scene.bars.map(\.colour))
      }
    }
  }

  @Test("the catalogue judges the trace in a response")
  func catalogue() throws {
    try withFolder { folder in
      let data = try BuiltInDataSet(Self.small)
      _ = try data.write(to: folder)
      let catalogue = try SceneCatalogue(folder: folder)
      for row in try DataFile.read("\(folder)/trm.jsonl", use: .judging) {
        #expect(catalogue.assess(try #require(row.response), to: row)?.score == row.thinkingScore)
      }
    }
  }

  @Test(
    "damage is found and named",
    arguments: [
      "images/train-000007.png", "train.jsonl", "held-out.jsonl", "sft.jsonl", "trm.jsonl", "trm-held-out.jsonl", "scenes.jsonl",
      "corpus.txt", "manifest.json",
    ])
  func damage(file: String) throws {
    try withFolder { folder in
      _ = try BuiltInDataSet(Self.small).write(to: folder)
      let path = "\(folder)/\(file)"
      var bytes = try DurableFiles.read(path)
      bytes[bytes.count / 2] ^= 1
      try DurableFiles.write(bytes, to: path)
      #expect { _ = try BuiltInDataSet.check(folder) } throws: { error in
        "\(error)".contains(file.hasPrefix("images") ? "image" : folder)
      }
      try DurableFiles.remove(path)
      #expect(throws: (any Error).self) { try BuiltInDataSet.check(folder) }
    }
  }

  @Test("a solution that its picture contradicts is found, though every hash agrees")
  func wrongSolution() throws {
    try withFolder { folder in
      _ = try BuiltInDataSet(Self.small).write(to: folder)
      var rows = try DataFile.read("\(folder)/train.jsonl", use: .grading)
      rows[4].solution = "<answer>99</answer>"
      try DataFile.write(rows, to: "\(folder)/train.jsonl")
      let old = try DataManifest.read(folder: folder)
      let files = try old.files.map { file in
        guard file.name == "train.jsonl" else { return file }
        let digest = SHA256Digest(of: try DurableFiles.read("\(folder)/train.jsonl"))
        return DataManifest.File(name: file.name, count: file.count, sha256: digest.description)
      }
      let forged = DataManifest(version: old.version, recipe: old.recipe, files: files)
      try DurableFiles.write(forged.encoded(), to: "\(folder)/manifest.json")
      let error = #expect(throws: VisualReasoningError.self) { try BuiltInDataSet.check(folder) }
      guard case .badRow(_, 5, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "built-in-data-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }
}
