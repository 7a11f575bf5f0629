package import Dashboard
internal import DataSets
internal import DurableFiles
internal import Engines
internal import Foundation
internal import Limits
internal import Rewards
internal import Rollout
internal import RunStore
package import ServedReward
internal import Settings
internal import VisualReasoning

/// Makes what a thinking-reward model learns from: traces that policies wrote, labelled from 0 to 1 in tenths, evenly over ten
/// intervals of the label, some of the problems held out (SophiaVL-R1, arXiv 2505.17018, section 3.1).
package struct TraceCollection: Sendable {
  package enum Labels: Sendable {
    /// The checker of the built-in data, which knows what its pictures show.
    case checker
    case judge(ServedJudgeSettings)
    /// `thinking_score` of the rows.
    case given
  }

  package struct Options: Sendable {
    /// Run folders, whose journaled groups are taken, and files of rows with `response`.
    package var sources: [String]
    package var labels: Labels
    /// A folder that gets `trm.jsonl`, `trm-held-out.jsonl` and the images they name.
    package var out: String
    /// Rows to learn from.
    package var count = 4000
    package var heldOut = 500
    /// Of the thinking; longer ones are left out.
    package var maximumCharacters = 16_384
    package var seed: UInt64 = 0

    package init(sources: [String], labels: Labels, out: String) {
      self.sources = sources
      self.labels = labels
      self.out = out
    }
  }

  /// What came of it, also written as `collection.json`.
  package struct Outcome: Sendable, Codable {
    package var candidates = 0
    /// Traces left out, by reason.
    package var leftOut: [String: Int] = [:]
    /// Labelled traces in each tenth of the label, and how many of them were taken to learn from and to hold out.
    package var available = [Int](repeating: 0, count: 10)
    package var taken = [Int](repeating: 0, count: 10)
    package var heldOut = [Int](repeating: 0, count: 10)
  }

  private struct Candidate: Sendable {
    var row: DataRow
    let thinking: String
    /// Of the problem and the contents of its images: on which side of the split the trace falls depends on it alone.
    let problem: SHA256Digest
    let digest: SHA256Digest
    let scenes: String?
  }

  private let options: Options
  private let progress: TerminalProgress
  private let interruption: Interruption

  package init(_ options: Options, progress: TerminalProgress, interruption: Interruption) {
    self.options = options
    self.progress = progress
    self.interruption = interruption
  }

  /// Goes on where an earlier call to the same folder stopped: labels are kept as they come.
  ///
  /// - Throws: `CancellationError` if it was interrupted.
  package func run() async throws -> Outcome {
    var outcome = Outcome()
    let candidates = try gather(&outcome)
    guard !candidates.isEmpty else {
      let reasons = outcome.leftOut.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
      throw RunError(
        code: "trm.no-traces", message: "of \(outcome.candidates) responses none is a trace to learn from\(reasons.isEmpty ? "" : ": \(reasons)")",
        advice: "name runs that have trained, or rows whose response is <think>...</think><answer>...</answer>")
    }
    try DurableFiles.createFolder(options.out)
    let labelled = try await label(candidates, &outcome)
    let (heldOut, training) = split(labelled)
    for row in labelled { outcome.available[interval(row)] += 1 }
    let taken = even(training, options.count, stream: 1)
    let held = even(heldOut, options.heldOut, stream: 2)
    for row in taken { outcome.taken[interval(row)] += 1 }
    for row in held { outcome.heldOut[interval(row)] += 1 }
    try write(taken, "trm.jsonl")
    try write(held, "trm-held-out.jsonl")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try DurableFiles.write(Array(try encoder.encode(outcome)) + [10], to: "\(options.out)/collection.json")
    return outcome
  }

  // MARK: Candidates

  private func gather(_ outcome: inout Outcome) throws -> [Candidate] {
    var candidates: [Candidate] = []
    var seen: Set<SHA256Digest> = []
    var images: [String: SHA256Digest] = [:]
    for source in options.sources {
      let rows = FileManager.default.fileExists(atPath: RunFolder(source).store) ? try responses(ofRun: source, &outcome) : try DataFile.read(source, use: .supervised)
      for row in rows {
        outcome.candidates += 1
        switch try candidate(row, &images) {
        case .failure(let reason): outcome.leftOut[reason.text, default: 0] += 1
        case .success(let candidate):
          if seen.insert(candidate.digest).inserted { candidates.append(candidate) } else { outcome.leftOut["twice", default: 0] += 1 }
        }
      }
    }
    return candidates
  }

  private func responses(ofRun folder: String, _ outcome: inout Outcome) throws -> [DataRow] {
    let settings = try LoadedSettings.read(RunFolder(folder).settings).settings
    let rows = try readRows(settings.data.trainFiles, settings.data)
    let reader = try RunReader(path: RunFolder(folder).store)
    let stage = progress.stage("reading \(folder)")
    var found: [DataRow] = []
    var digests: [UInt32: SHA256Digest] = [:]
    for step in try reader.steps() {
      for group in try reader.training(of: step.step)?.groups ?? [] where Int(group.unit.prompt) < rows.count {
        let prompt = group.unit.prompt
        let digest = try digests[prompt] ?? rows[Int(prompt)].task(system: settings.data.systemPrompt).digest
        digests[prompt] = digest
        guard digest == group.taskDigest else {
          outcome.candidates += group.responses.count
          outcome.leftOut["of another row", default: 0] += group.responses.count
          continue
        }
        for response in group.responses {
          var row = rows[Int(prompt)]
          // What was cut off at the limit of tokens is no trace of anything.
          row.response = response.finish == .stop ? response.text : ""
          found.append(row)
        }
      }
      stage.update(done: found.count)
    }
    stage.finish("\(found.count) responses")
    return found
  }

  private struct LeftOut: Error {
    let text: String
  }

  /// The rules by which a trace is taken.
  private func candidate(_ row: DataRow, _ images: inout [String: SHA256Digest]) throws -> Result<Candidate, LeftOut> {
    let response = row.response ?? ""
    if response.isEmpty { return .failure(LeftOut(text: "cut off")) }
    guard let thinking = FormattedResponse(response)?.thinking else { return .failure(LeftOut(text: "not of the format")) }
    if !thinking.contains(where: { !$0.isWhitespace }) { return .failure(LeftOut(text: "no thinking")) }
    if thinking.utf8.count > options.maximumCharacters { return .failure(LeftOut(text: "too long")) }
    if thinking.unicodeScalars.contains("\u{FFFD}") { return .failure(LeftOut(text: "damaged text")) }
    // By what the images show: the same one may lie in several places.
    var problem = SHA256Hasher()
    problem.update(row.prompt)
    for image in row.images {
      let digest = try images[image.path] ?? SHA256Digest(of: DurableFiles.read(image.path, limit: Limits.standard.images.file))
      images[image.path] = digest
      problem.update("\u{0}\(digest)")
    }
    let identity = problem.finish()
    return .success(
      Candidate(
        row: row, thinking: thinking, problem: identity, digest: SHA256Digest(of: identity.bytes + Array(thinking.utf8)),
        scenes: row.images.first.map { String($0.path.dropLast($0.name.count + 1)) }))
  }

  // MARK: Labels

  private func label(_ candidates: [Candidate], _ outcome: inout Outcome) async throws -> [Candidate] {
    let labels: [Double?] =
      switch options.labels {
      case .given: candidates.map(\.row.thinkingScore)
      case .checker: try check(candidates)
      case .judge(let settings): try await judge(candidates, settings)
      }
    var labelled: [Candidate] = []
    for (candidate, label) in zip(candidates, labels) {
      guard let label, label.isFinite, 0...1 ~= label else {
        outcome.leftOut["no label", default: 0] += 1
        continue
      }
      var candidate = candidate
      candidate.row.thinkingScore = (label * 10).rounded() / 10
      labelled.append(candidate)
    }
    guard !labelled.isEmpty else {
      throw RunError(
        code: "trm.no-labels", message: "none of the \(candidates.count) traces got a label",
        advice: "the checker knows the built-in data only (sophia data make); for other data use --labels judge, or --labels given with rows that have thinking_score")
    }
    return labelled
  }

  private func check(_ candidates: [Candidate]) throws -> [Double?] {
    var catalogues: [String: SceneCatalogue] = [:]
    return try candidates.map { candidate in
      guard let folder = candidate.scenes else { return nil }
      if catalogues[folder] == nil {
        guard FileManager.default.fileExists(atPath: "\(folder)/\(BuiltInDataSet.sceneFile)") else { return nil }
        catalogues[folder] = try SceneCatalogue(folder: folder)
      }
      return catalogues[folder]?.assess(candidate.thinking, to: candidate.row)?.score
    }
  }

  private static let tracesInCall = 16

  /// What is labelled already is not asked for again.
  private func judge(_ candidates: [Candidate], _ settings: ServedJudgeSettings) async throws -> [Double?] {
    // Another judge, or one that is asked otherwise, gives other labels.
    let asked = SHA256Digest(of: Array("\(settings.model)\n\(JudgePrompt.system)".utf8))
    let store = LabelFile("\(options.out)/labels-\(asked.description.prefix(12)).jsonl")
    var known = try store.read()
    let open = candidates.filter { known[$0.digest] == nil }
    let stage = progress.stage("asking \(settings.model)", total: candidates.count)
    var done = candidates.count - open.count
    stage.update(done: done)
    var settings = settings
    let callsAtOnce = settings.service.concurrency / Self.tracesInCall + 1
    settings.service.queuedGroups = max(settings.service.queuedGroups, callsAtOnce)
    let judge = ServedJudge(settings, seed: options.seed) { [progress] level, text in if level != .info { progress.print(text) } }
    let calls = stride(from: 0, to: open.count, by: Self.tracesInCall).map { Array(open[$0..<min(open.count, $0 + Self.tracesInCall)]) }
    try await withThrowingTaskGroup(of: [(Candidate, Double?)].self) { group in
      var next = 0
      func add() {
        guard next < calls.count, !interruption.isRequested else { return }
        let (number, call) = (UInt64(next + 1), calls[next])
        next += 1
        group.addTask {
          let traces = try call.map {
            JudgedTrace(problem: $0.row.prompt, images: try $0.row.task(system: nil).images, thinking: $0.thinking)
          }
          return Array(zip(call, try await judge.judge(LeaseID(incarnation: 1, number: number), traces).scores))
        }
      }
      for _ in 0..<callsAtOnce { add() }
      while let answered = try await group.next() {
        let scores = answered.compactMap { candidate, score in score.map { (candidate.digest, $0) } }
        try store.append(scores)
        for (digest, score) in scores { known[digest] = score }
        done += answered.count
        stage.update(done: done)
        if interruption.isRequested { group.cancelAll() }
        add()
      }
    }
    if interruption.isRequested {
      stage.finish("stopped; the same command goes on")
      throw CancellationError()
    }
    stage.finish("\(candidates.count { known[$0.digest] != nil }) labels")
    return candidates.map { known[$0.digest] }
  }

  // MARK: Sampling

  private func interval(_ candidate: Candidate) -> Int { min(9, Int((candidate.row.thinkingScore ?? 0) * 10 + 1e-9)) }

  /// By problem, so that none of those that are held out is learnt from: as large a share as the held-out rows are of all.
  private func split(_ labelled: [Candidate]) -> (heldOut: [Candidate], training: [Candidate]) {
    let share = Double(options.heldOut) / Double(max(1, options.count + options.heldOut))
    func isHeldOut(_ candidate: Candidate) -> Bool {
      CounterRandom(seed: options.seed ^ candidate.problem.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, epoch: 0, prompt: 0, sample: 0)
        .uniform(at: 0) < share
    }
    return (labelled.filter(isHeldOut), labelled.filter { !isHeldOut($0) })
  }

  /// As many of each tenth as of any other, as far as there are; in random order.
  private func even(_ rows: [Candidate], _ count: Int, stream: UInt32) -> [Candidate] {
    let random = CounterRandom(seed: options.seed, epoch: stream, prompt: 0, sample: 0)
    let order = rows.indices.map { ($0, random.uniform(at: UInt32($0))) }.sorted { $0.1 < $1.1 }.map(\.0)
    var open = (0..<10).map { count / 10 + ($0 < count % 10 ? 1 : 0) }
    return order.compactMap { index in
      let interval = interval(rows[index])
      guard open[interval] > 0 else { return nil }
      open[interval] -= 1
      return rows[index]
    }
  }

  // MARK: Writing

  /// Images go along under the names of their contents, so that the folder can be moved.
  private func write(_ candidates: [Candidate], _ name: String) throws {
    let rows = try candidates.map { candidate in
      var row = candidate.row
      // Several traces of one problem are rows of their own.
      row.problemID += "/\(String(candidate.digest.description.prefix(12)))"
      row.images = try row.images.map { image in
        let bytes = try DurableFiles.read(image.path, limit: Limits.standard.images.file)
        let name = "images/\(SHA256Digest(of: bytes)).\((image.path as NSString).pathExtension)"
        let path = "\(options.out)/\(name)"
        if !FileManager.default.fileExists(atPath: path) {
          try DurableFiles.createFolder("\(options.out)/images")
          // The rows are written last, and durably; an image that is lost with the power is found missing by its row.
          try DurableFiles.writeForFolder(bytes, to: path)
        }
        return ImageReference(name: name, path: path)
      }
      return row
    }
    try DataFile.write(rows, to: "\(options.out)/\(name)")
  }
}
