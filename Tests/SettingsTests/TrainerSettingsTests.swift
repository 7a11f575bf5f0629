import Testing

@testable import Settings

@Suite("Settings of the trainer") struct TrainerSettingsTests {
  private static let least = "model:\n  folder: m\n  dtype: bf16\ndata:\n  trainFiles: [a.json]\n"

  private func load(_ overrides: String...) throws -> RunSettings {
    try LoadedSettings.parse(Self.least, file: "run.yaml", overrides: overrides).settings
  }

  @Test("adapters are off unless a rank is given, and then on all projections")
  func adapters() throws {
    let plain = try load().model.lora
    #expect(plain.rank == 0 && plain.alpha == 16 && plain.targets.count == 7)
    let chosen = try load("model.lora.rank=8", "model.lora.alpha=32", "model.lora.targets=[q_proj, v_proj]").model.lora
    #expect(chosen.rank == 8 && chosen.alpha == 32 && chosen.targets == ["q_proj", "v_proj"])
    let nested = try LoadedSettings.parse(
      "model:\n  folder: m\n  lora: {rank: 4, targets: [down_proj]}\ndata:\n  trainFiles: [a.json]\n", file: "run.yaml").settings
    #expect(nested.model.lora.rank == 4 && nested.model.lora.targets == ["down_proj"])
    #expect(try LoadedSettings.parse(nested.json(), file: "run.json").settings == nested)
  }

  @Test(
    "an unknown, repeated or missing target is refused with those there are",
    arguments: ["[q_prj]", "[q_proj, q_proj]", "[]", "[visual]"])
  func targets(value: String) {
    let error = #expect(throws: SettingsError.self) { try load("model.lora.targets=\(value)") }
    #expect(error?.message.contains("model.lora.targets") == true)
    #expect(error?.advice.contains("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj") == true)
  }

  @Test("bounds of micro-batches, checkpointing and master weights")
  func others() throws {
    let plain = try load()
    #expect(plain.optimizer.microBatchTokens == nil && !plain.model.gradientCheckpointing && !plain.optimizer.masterWeights)
    let set = try load("optimizer.microBatchTokens=4096", "model.gradientCheckpointing=true", "optimizer.masterWeights=true")
    #expect(set.optimizer.microBatchTokens == 4096 && set.model.gradientCheckpointing && set.optimizer.masterWeights)
    #expect(throws: SettingsError.self) { try load("optimizer.microBatchTokens=0") }
    #expect(try load("optimizer.microBatchTokens=null").optimizer.microBatchTokens == nil)
  }

  @Test(
    "master weights of what is fp32 already are refused",
    arguments: [("model.dtype=fp32", "model.dtype fp32"), ("model.lora.rank=2", "model.lora.rank 2")])
  func masters(override: String, named: String) {
    let error = #expect(throws: SettingsError.self) { try load("optimizer.masterWeights=true", override) }
    #expect(error?.code == "settings.conflict" && error?.message.contains(named) == true)
  }

  @Test("the released code's key for checkpointing means the same")
  func released() throws {
    let yaml = Self.least + "worker:\n  actor:\n    model: {enable_gradient_checkpointing: true}\n"
    #expect(try LoadedSettings.parse(yaml, file: "run.yaml").settings.model.gradientCheckpointing)
  }
}
