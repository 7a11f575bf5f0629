import ActionableErrors
import Foundation
import Testing
import Torch

@testable import VisionLanguage

@Suite("Low-rank adapters") struct LowRankAdapterTests {
  typealias Target = LowRankSettings.Target

  /// Adapters whose B is not 0, beside the weights of seed 3.
  private func adapted(_ settings: LowRankSettings, dtype: DType = .float32) throws -> Qwen25VL {
    let model = try Qwen25VL(
      .tiny(vocabularySize: 400, tokens: ModelConfigurationTests.tokens), seed: 3, dtype: dtype, adapters: settings)
    let source = RandomWeights(seed: 9)
    try withoutGradient {
      for adapter in model.parameters.named where adapter.name.hasSuffix("lora_B.weight") {
        try adapter.tensor().copyInPlace(source.weight(adapter.name, shape: adapter.shape, role: .matrix(inputs: 9)))
      }
    }
    return model
  }

  private func plain(dtype: DType = .float32) throws -> Qwen25VL {
    try Qwen25VL(.tiny(vocabularySize: 400, tokens: ModelConfigurationTests.tokens), seed: 3, dtype: dtype)
  }

  private func values(_ model: Qwen25VL, _ name: String) throws -> [Float] {
    try #require(model.parameters.byName[name], "\(name)").tensor().floats()
  }

  /// W + alpha / rank * B A, number by number.
  private func setMerged(_ plain: Qwen25VL, from adapted: Qwen25VL, _ settings: LowRankSettings) throws {
    for weight in plain.parameters.named {
      guard let module = weight.module, settings.adapts(module) else { continue }
      let (a, b) = (try values(adapted, "\(module).lora_A.weight"), try values(adapted, "\(module).lora_B.weight"))
      var w = try weight.tensor().floats().map(Double.init)
      let (outputs, inputs, rank) = (weight.shape[0], weight.shape[1], settings.rank)
      for row in 0..<outputs {
        for column in 0..<inputs {
          let sum = (0..<rank).reduce(0.0) { $0 + Double(b[row * rank + $1]) * Double(a[$1 * inputs + column]) }
          w[row * inputs + column] += settings.alpha / Double(rank) * sum
        }
      }
      try withoutGradient { try weight.tensor().copyInPlace(Tensor(w, shape: weight.shape)) }
    }
  }

  private let prompt = VisualPrompt(
    tokens: [392, 390, 390, 390, 390, 393, 5, 6, 7], images: [ModelFixtures.patches(2, 8, number: 1, elements: 1176)])
  private let response: [Int32] = [9, 12, 4, 77]

  private func logProbabilities(_ model: Qwen25VL) throws -> Tensor {
    try model.logProbabilities(after: model.encode([prompt]), Continuations([[response, [3, 8]]])).logProbabilities
  }

  @Test(
    "with any of the targets the model computes W + alpha / rank * B A, and its gradient is that of the chain rule",
    arguments: [
      Target.allCases, [.queries], [.values], [.keys, .values], [.up], [.gate, .down], [.output, .queries, .values],
    ])
  func likeDense(targets: [Target]) throws {
    let settings = LowRankSettings(rank: 3, alpha: 5, targets: Set(targets))
    let (adapted, dense) = (try adapted(settings), try plain())
    let before = try withoutGradient { try logProbabilities(dense).floats() }
    #expect(try adapted.parameters.withoutAdapters { try logProbabilities(adapted).floats() } == before)
    try setMerged(dense, from: adapted, settings)
    let (found, expected) = (try logProbabilities(adapted), try logProbabilities(dense))
    #expect(try largestDifference(found.floats(), expected.floats()) < 1e-5)
    #expect(try largestDifference(found.floats(), before) > 1e-2)

    for values in [found, expected] {
      try (values * Tensor((0..<8).map { Float(sin(Double($0))) }, shape: values.shape)).sum().backward()
    }
    for parameter in adapted.parameters.trained where !parameter.isAdapter { #expect(parameter.tensor.gradient == nil) }
    let slopes = try gradients(dense)
    let adapters = try gradients(adapted)
    for (module, slope) in slopes where settings.adapts(module) {
      // G is the slope of W: that of A is s B'G, that of B is s G A'.
      let (a, b) = (
        try #require(adapted.parameters.byName["\(module).lora_A.weight"]).tensor(),
        try #require(adapted.parameters.byName["\(module).lora_B.weight"]).tensor()
      )
      let wanted = [
        "lora_A": try (b.transposed(0, 1).matmul(slope) * settings.scale).floats(),
        "lora_B": try (slope.matmul(a.transposed(0, 1)) * settings.scale).floats(),
      ]
      for (name, wanted) in wanted {
        let found = try #require(adapters["\(module).\(name)"]).floats()
        let size = wanted.lazy.map(abs).max() ?? 0
        #expect(largestDifference(found, wanted) < 1e-4 * size && size > 0, "\(module).\(name)")
      }
    }
  }

  /// By module, or module and adapter.
  private func gradients(_ model: Qwen25VL) throws -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for parameter in model.parameters.trained {
      guard let gradient = parameter.tensor.gradient else { continue }
      let parts = model.parameters.named.filter { parameter.name.split(separator: "+").contains(Substring($0.name)) }
        .sorted { $0.firstRow < $1.firstRow }
      for part in parts where part.shape.count == 2 {
        result[String(part.name.dropLast(".weight".count))] = try gradient.narrowed(0, start: part.firstRow, length: part.rows)
      }
    }
    return result
  }

  @Test("A begins within 1/sqrt(inputs) and depends on seed and name alone; B begins with 0, so nothing changes at first")
  func beginning() throws {
    func made(_ targets: Set<Target>, seed: UInt64 = 3) throws -> Qwen25VL {
      try Qwen25VL(
        .tiny(vocabularySize: 400, tokens: ModelConfigurationTests.tokens), seed: seed,
        adapters: .init(rank: 4, targets: targets))
    }
    let (all, one) = (try made(Set(Target.allCases)), try made([.values]))
    let name = "model.layers.1.self_attn.v_proj.lora_A.weight"
    let a = try values(all, name)
    #expect(try a == values(one, name) && a != values(made([.values], seed: 4), name))
    #expect(a.allSatisfy { abs($0) <= 1 / Float(96).squareRoot() } && Set(a).count > 300)
    #expect(try values(all, "model.layers.1.self_attn.v_proj.lora_B.weight").allSatisfy { $0 == 0 })
    #expect(try logProbabilities(all).floats() == logProbabilities(plain()).floats())
    #expect(one.parameters.named.count { $0.isAdapter } == 4)
  }

  @Test(
    "a worker's model merges what arrives, to the bits of the merged folder and of decoding beside the adapters",
    arguments: [DType.float32, .bfloat16])
  func message(dtype: DType) throws {
    let settings = LowRankSettings(rank: 2, targets: [.queries, .values, .down])
    let model = try adapted(settings, dtype: dtype)
    let worker = try Qwen25VL(model.configuration, merging: settings, dtype: dtype)
    let bytes = try model.parameters.export()
    #expect(worker.parameters.message == model.parameters.message && bytes.count == worker.parameters.byteCount)
    #expect(worker.parameters.named.allSatisfy { !$0.isAdapter })
    try worker.parameters.load(bytes)

    let folder = try ModelFixtures.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try model.write(to: folder)
    let saved = try Qwen25VL(folder: folder, dtype: dtype)
    for weight in saved.parameters.named {
      #expect(try values(worker, weight.name) == weight.tensor().floats(), "\(weight.name)")
    }
    func decoded(_ model: Qwen25VL) throws -> [Float] {
      let decoding = try Decoding(model, pages: 20)
      let read = try #require(try decoding.read(prompt))
      return try read.logits.floats() + DecodingTests.logits(decoding, read, [5, 9]).joined()
    }
    let before = try withoutGradient { try logProbabilities(model).floats() }
    #expect(try model.parameters.withMergedAdapters { try decoded(model) } == decoded(worker))
    #expect(try model.parameters.export() == bytes)
    #expect(try withoutGradient { try logProbabilities(model).floats() } == before)
    struct Failure: Error {}
    #expect(throws: Failure.self) { try model.parameters.withMergedAdapters { throw Failure() } }
    #expect(try model.parameters.export() == bytes)
    let wide = dtype == .float32 ? 1e-4 : 0.1 as Float
    #expect(try largestDifference(before, withoutGradient { try logProbabilities(worker).floats() }) < wide)
    for adapter in model.parameters.named where adapter.isAdapter { #expect(try adapter.tensor().dtype == .float32) }
  }

  @Test("PEFT's adapter, of the vision tower too and with rslora, gives what PEFT computes with it")
  func fixture() throws {
    let model = try ModelFixtures.model("adapter")
    for item in try ModelFixtures.cases(of: "adapter") {
      try withoutGradient {
        let state = try model.encode([item.prompt(for: model.configuration)])
        #expect(try largestDifference(model.logits(state.lastHidden).floats(), item.first_logits) < 1e-4, "\(item.name)")
        let found = try model.logProbabilities(after: state, Continuations([[item.response]])).logProbabilities
        #expect(try largestDifference(found.floats(), item.log_probabilities) < 1e-4, "\(item.name)")
      }
    }
  }

  /// With SOPHIA_KEEP set the folder stays, for `make_adapter_fixtures.py check` to try with PEFT.
  @Test("a written adapter loads as the merged model, and into a model with adapters bit for bit")
  func roundTrip() throws {
    let kept = ProcessInfo.processInfo.environment["SOPHIA_KEEP"]
    let folder = try kept ?? ModelFixtures.temporaryFolder()
    defer { if kept == nil { try? FileManager.default.removeItem(atPath: folder) } }
    for name in ["base", "adapter"] {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    let settings = LowRankSettings(rank: 4, alpha: 6)
    let model = try adapted(settings)
    try plain().write(to: "\(folder)/base")
    try model.writeAdapters(base: kept == nil ? "../base" : "\(folder)/base", to: "\(folder)/adapter")
    try model.write(to: folder)
    let loaded = try Qwen25VL(folder: "\(folder)/adapter")
    #expect(try loaded.parameters.export() == Qwen25VL(folder: folder).parameters.export())
    let again = try Qwen25VL(folder: "\(folder)/base", adapters: settings, seed: 99)
    #expect(try again.parameters.export() != model.parameters.export())
    try again.readAdapters(from: "\(folder)/adapter")
    #expect(try again.parameters.export() == model.parameters.export())
  }

  @Test(
    "an adapter that cannot be merged is refused by the name of what is wrong",
    arguments: [
      ("use_dora", "true"), ("peft_type", "\"IA3\""), ("bias", "\"all\""), ("modules_to_save", "[\"lm_head\"]"),
      ("rank_pattern", "{\"q_proj\": 4}"), ("init_lora_weights", "\"pissa\""), ("base_model_name_or_path", "\"Qwen/None\""),
      ("r", "0"), ("lora_alpha", "null"), ("fan_in_fan_out", "true"), ("r", "4"),
    ])
  func refusedSetting(key: String, value: String) throws {
    try withAdapter { folder in
      let path = "\(folder)/adapter/adapter_config.json"
      var values = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path))) as? [String: Any])
      values[key] = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
      try JSONSerialization.data(withJSONObject: values).write(to: URL(filePath: path))
      // A wrong rank shows in the first tensor's shape.
      #expect(try refusal("\(folder)/adapter").contains(value == "4" ? "lora_A" : key))
    }
  }

  @Test("an adapter with a tensor missing, misshapen or left over is refused by the tensor's name")
  func refusedTensor() throws {
    try withAdapter { folder in
      let path = "\(folder)/adapter/adapter_model.safetensors"
      let file = try SafetensorsFile(path)
      let whole = try file.names.map { (name: $0, tensor: try file.tensor($0)) }
      let module = "model.language_model.layers.1.self_attn.q_proj"
      let chosen = "base_model.model.\(module).lora_B.weight"
      func refused(_ tensors: [(name: String, tensor: Tensor)]) throws -> String {
        try SafetensorsWriter.write(tensors, to: path)
        return try refusal("\(folder)/adapter")
      }
      let short = "model.layers.1.self_attn.q_proj"
      #expect(try refused(whole.filter { $0.name != chosen }).contains("\(short) has no lora_B.weight"))
      #expect(try refused(whole.filter { !$0.name.contains(module) }).contains("none for \(short)"))
      #expect(try refused(whole.map { ($0.name, $0.name == chosen ? try $0.tensor.transposed(0, 1) : $0.tensor) }).contains(chosen))
      let other = ["A", "B"].map { (name: "base_model.model.model.language_model.layers.7.mlp.up_proj.lora_\($0).weight", tensor: whole[0].tensor) }
      #expect(try refused(whole + other).contains("model.layers.7.mlp.up_proj"))
      #expect(try refused(whole + [("base_model.model.lm_head.weight", whole[0].tensor)]).contains("lm_head.weight"))
      #expect(try refused(whole) == "accepted")
    }
  }

  private func withAdapter(_ body: (String) throws -> Void) throws {
    let folder = try ModelFixtures.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["tied", "adapter"] {
      try FileManager.default.copyItem(atPath: "\(ModelFixtures.folder)/\(name)", toPath: "\(folder)/\(name)")
    }
    try body(folder)
  }

  private func refusal(_ folder: String) throws -> String {
    do {
      _ = try Qwen25VL(folder: folder)
      return "accepted"
    } catch let error as any ActionableError {
      return error.message
    }
  }
}
