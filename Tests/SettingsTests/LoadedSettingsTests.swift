import Foundation
import Testing
import TrustGRPO

@testable import Settings

@Suite("Configurations")
struct LoadedSettingsTests {
  private static let least = "model:\n  folder: m\ndata:\n  trainFiles: [a.json]\n"

  private func load(_ text: String, _ overrides: String...) throws -> RunSettings {
    try LoadedSettings.parse(text, file: "run.yaml", overrides: overrides).settings
  }

  private func failure(_ text: String, _ overrides: [String] = []) -> SettingsError? {
    do {
      _ = try LoadedSettings.parse(text, file: "run.yaml", overrides: overrides)
      return nil
    } catch {
      return error
    }
  }

  @Test("what is not set has its default, and T is the number of steps")
  func defaults() throws {
    var expected = RunSettings()
    expected.model.folder = "m"
    expected.data.trainFiles = ["a.json"]
    expected.algorithm.totalSteps = 100
    #expect(try load(Self.least) == expected)
    #expect(try load(Self.least, "run.steps=7").algorithm.totalSteps == 7)
    #expect(try load(Self.least, "run.steps=7", "algorithm.totalSteps=9").algorithm.totalSteps == 9)
  }

  @Test("every kind of value is read, from YAML, JSON and overrides")
  func kinds() throws {
    let yaml = """
      model: {folder: m, dtype: bf16, device: "cuda:1", freeze-vision-tower: yes}
      data:
        train_files: [a.json, "b, c.jsonl"]
        heldOutFiles: d.json, e.json
        systemPrompt: |
          Think.
          Answer.
        imageKey: null
        maxPixels: 1_000_000
      rollout: {groupSize: 4, temperature: 0.5}
      algorithm: {mode: grpo, oneSided: include, advantage: mean, klCoefficient: 0, trust: false}
      optimizer: {learningRate: 5e-7, globalBatchSize: 32}
      run: {seed: 18446744073709551615}
      """
    let settings = try load(yaml, "RUN.STEPS=3", "data.train-files=[x.json,y.json]", "optimizer.learningRate=1E-4")
    #expect(settings.model.dtype == "bf16" && settings.model.device == "cuda:1" && settings.model.freezeVisionTower)
    #expect(settings.data.trainFiles == ["x.json", "y.json"] && settings.data.heldOutFiles == ["d.json", "e.json"])
    #expect(settings.data.systemPrompt == "Think.\nAnswer.\n" && settings.data.imageKey == nil && settings.data.maxPixels == 1_000_000)
    #expect(settings.rollout.groupSize == 4 && settings.rollout.temperature == 0.5 && settings.optimizer.globalBatchSize == 32)
    #expect(settings.algorithm.mode == .grpo && settings.algorithm.oneSided == .include && settings.algorithm.advantage == .mean)
    #expect(settings.algorithm.klCoefficient == 0 && !settings.algorithm.trust && settings.optimizer.learningRate == 1e-4)
    #expect(settings.run.seed == .max && settings.run.steps == 3)
    #expect(try load(#"{"model":{"folder":"m"},"data":{"trainFiles":["a.json"]},"run":{"steps":5}}"#).run.steps == 5)
  }

  @Test("a run folder's JSON is a configuration that gives the same settings")
  func runFolder() throws {
    var settings = try load(Self.least, "run.steps=12", "thinking.folder=t", "algorithm.mode=released-code", "data.systemPrompt=a \"b\" é/😀")
    settings.algorithm.releasedAnnealingSteps = 40
    #expect(try load(try settings.json()) == settings)
    #expect(try RunSettings(json: settings.json()) == settings)
  }

  @Test("an unknown key is named with its line and the nearest known one", arguments: [
    ("run:\n  stpes: 3\n", "run.stpes", "run.yaml, line 2", "run.steps"),
    ("learningRate: 3\n", "learningRate", "run.yaml, line 1", "optimizer.learningRate"),
    ("rollout:\n  group_sise: 3\n", "rollout.group_sise", "run.yaml, line 2", "rollout.groupSize"),
    ("model:\n  topP: 1\n", "model.topP", "run.yaml, line 2", "rollout.topP"),
    ("trainer:\n  max_stepz: 3\n", "trainer.max_stepz", "run.yaml, line 2", "trainer.max_steps"),
    ("worker:\n  actor:\n    optim:\n      learning_rate: 1\n", "worker.actor.optim.learning_rate", "run.yaml, line 4", "optimizer.learningRate"),
  ])
  func unknown(text: String, key: String, place: String, nearest: String) throws {
    let error = try #require(failure(text))
    #expect(error.code == "settings.unknown-key")
    #expect(error.message == "\(place): there is no setting \(key)")
    #expect(error.advice.contains("did you mean \(nearest)?"), "\(error.advice)")
  }

  @Test("a value that is not accepted is named with key, place and range", arguments: [
    ("run.steps=0", "run.steps", "a whole number from 1 to"), ("run.steps=many", "run.steps", "a whole number"),
    ("run.steps=1.5", "run.steps", "a whole number"), ("rollout.groupSize=1", "rollout.groupSize", "from 2 to 256"),
    ("rollout.temperature=0", "rollout.temperature", "more than 0 and at most 10"),
    ("rollout.topP=1.1", "rollout.topP", "at most 1"), ("optimizer.learningRate=nan", "optimizer.learningRate", "more than 0"),
    ("model.dtype=fp16", "model.dtype", "fp32 or bf16"), ("model.device=gpu", "model.device", "cpu, cuda or cuda:N"),
    ("algorithm.mode=ppo", "algorithm.mode", "paper, released-code or grpo"), ("data.shuffle=maybe", "data.shuffle", "true or false"),
    ("cluster.bind=localhost:5", "cluster.bind", "tcp://ADDRESS:PORT"), ("run.folder=", "run.folder", "a folder"),
    ("run.seed=-1", "run.seed", "0 on"), ("optimizer.weightDecay=[1,2]", "optimizer.weightDecay", "from 0 to 1"),
    ("thinking.url=h:8000", "thinking.url", "http://HOST:PORT/v1"), ("thinking.whenDown=wait", "thinking.whenDown", "decline, outcome-only or stop"),
    ("algorithm.alpha=-0.1", "algorithm.alpha", "from 0 to 100"),
    ("algorithm.importanceCap=0", "algorithm.importanceCap", "more than 0"),
  ])
  func outOfRange(override: String, key: String, accepted: String) throws {
    let error = try #require(failure(Self.least, [override]))
    #expect(error.code == "settings.bad-value" && error.message.contains(key) && error.message.contains("override"))
    #expect(error.advice.contains(accepted), "\(error.advice)")
  }

  @Test("broken files are refused with their line", arguments: [
    ("a: [1, 2\n", "not YAML"), ("run:\n  steps: 1\n  steps: 2\n", "twice"), ("- a\n- b\n", "section"), ("plain", "section"),
    ("run: {steps: [[1]]}\n", "list"), ("? [a]\n: 1\n", "plain text"), ("a: &a 1\nb: *a\n", "line 2: there is an alias"),
  ])
  func malformed(text: String, reason: String) throws {
    let error = try #require(failure(text))
    #expect(error.code == "settings.malformed" && error.message.contains(reason) && error.message.hasPrefix("run.yaml"), "\(error)")
  }

  @Test("documents that unfold without end are refused, not unfolded")
  func bomb() throws {
    var text = "a: &a {x: 1, y: 2}\n"
    var last = "a"
    for name in ["b", "c", "d", "e", "f", "g", "h", "i"] {
      let aliases = (0..<9).map { "k\($0): *\(last)" }.joined(separator: ", ")
      text += "\(name): &\(name) {\(aliases)}\n"
      last = name
    }
    #expect(failure(text) != nil)
    // As a key, all of it would be compared.
    #expect(failure(text + "? *i\n: 1\n") != nil)
    #expect(failure(String(repeating: "a:\n", count: 1_000_000))?.message.contains("bytes") == true)
  }

  @Test("what is needed, and what does not go together", arguments: [
    ("run: {steps: 1}", [], "model.folder"), ("model: {folder: m}", [], "data.trainFiles"), (least, ["thinking.kind=local"], "thinking.folder"),
    (least, ["thinking.kind=served"], "thinking.url"), (least, ["thinking.url=http://h/v1"], "thinking.model"),
    (least, ["thinking.url=http://h/v1", "thinking.model=m", "cluster.leaseSeconds=119"], "thinking.waitSeconds"),
    (least, ["rewards.program=[p]", "rewards.timeoutSeconds=121"], "rewards.timeoutSeconds"),
    (least, ["data.minPixels=10", "data.maxPixels=5"], "minPixels"), (least, ["optimizer.globalBatchSize=12"], "globalBatchSize"),
    (least, ["cluster.heartbeatSeconds=3"], "two heartbeats"), (least, ["run.steps"], "no ="), (least, ["=3"], "no ="),
  ])
  func together(text: String, overrides: [String], named: String) throws {
    #expect(try #require(failure(text, overrides)).message.contains(named))
  }

  @Test("naming a thinking-reward model is enough to use it, and having none is said")
  func thinking() throws {
    #expect(try load(Self.least, "thinking.folder=t").thinking.kind == .local)
    #expect(try load(Self.least, "thinking.url=http://h/v1", "thinking.model=m").thinking.kind == .served)
    #expect(try load(Self.least, "thinking.folder=t", "thinking.kind=none").thinking.kind == .none)
    #expect(try LoadedSettings.parse(Self.least, file: "f").notes.contains { $0.contains("outcome reward is trained alone") })
  }

  @Test("the printed help is itself a configuration, with every key at its default")
  func help() throws {
    let text = LoadedSettings.help
    let settings = try load(text, "model.folder=m", "data.trainFiles=a.json")
    #expect(try settings == load(Self.least, "algorithm.totalSteps=1500"))
    for key in SettingTable.keys {
      #expect(text.contains(" \(key.path.split(separator: ".", maxSplits: 1)[1]): "), "\(key.path)")
    }
    for (path, _) in ReleasedTable.keys { #expect(text.contains(path)) }
  }

  @Test("every stored setting has a key")
  func complete() throws {
    func check(_ value: Any, _ path: String) {
      guard let values = value as? [String: Any] else {
        #expect(SettingTable.byName[ConfigurationEntry.normalize(path)] != nil, "\(path)")
        return
      }
      for (name, value) in values { check(value, path.isEmpty ? name : "\(path).\(name)") }
    }
    check(try JSONSerialization.jsonObject(with: Data(RunSettings().json().utf8)), "")
  }

  @Test("passes over the rows become whole steps", arguments: [(100, 2, 12), (16, 1, 1), (5, 1, 1), (48, 3, 9)])
  func epochs(rows: Int, epochs: Int, steps: Int) throws {
    var settings = try load(Self.least, "run.epochs=\(epochs)")
    settings.resolve(trainingRows: rows)
    #expect(settings.run.steps == steps && settings.algorithm.totalSteps == steps && settings.run.epochs == nil)
  }

  @Test("a missing file is a file error")
  func missingFile() {
    #expect(throws: (any Error).self) { try LoadedSettings.read("/none/run.yaml") }
  }
}
