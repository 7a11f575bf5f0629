import Foundation
import Testing
import Torch

@testable import VisionLanguage

/// What a step of training takes of memory: `SOPHIA_PEAK=kept swift test --filter GradientMemoryTests`, and again with
/// `SOPHIA_PEAK=recomputed`, `adapters` or `adapters,recomputed`. The peak is the process's, so each has a process of its own.
@Suite("Memory of a training step", .enabled(if: ProcessInfo.processInfo.environment["SOPHIA_PEAK"] != nil))
struct GradientMemoryTests {
  @Test("a step of a model of 16 layers and 50 million parameters, over 4 prompts of 256 tokens with 4 responses of 128 each")
  func peak() throws {
    try TorchRuntime.setThreads(2)
    let chosen = ProcessInfo.processInfo.environment["SOPHIA_PEAK"]?.split(separator: ",") ?? []
    let small = try Qwen25VLConfiguration.tiny(vocabularySize: 400, tokens: ModelConfigurationTests.tokens)
    let model = try Qwen25VL(
      Qwen25VLConfiguration(
        vocabularySize: 400, hiddenSize: 512, intermediateSize: 1536, layerCount: 16, headCount: 8, keyValueHeadCount: 2,
        maximumPositions: 4096, rmsNormEpsilon: 1e-6, ropeTheta: 10_000, mropeSection: [8, 12, 12], tiesEmbeddings: true,
        vision: .init(
          depth: 2, hiddenSize: 48, intermediateSize: 96, headCount: 4, channels: 3, patchSize: 14, temporalPatchSize: 2,
          spatialMergeSize: 2, windowSize: 112, fullAttentionBlocks: [1], outputSize: 512),
        tokens: small.tokens),
      seed: 1, adapters: chosen.contains("adapters") ? LowRankSettings(rank: 8) : nil)
    model.recomputesLayers = chosen.contains("recomputed")
    let before = try peakMegabytes()
    let started = ContinuousClock.now
    func tokens(_ count: Int32, _ seed: Int32) -> [Int32] { (0..<count).map { ($0 * 7 + seed) % 380 } }
    let prompts = (0..<4).map { VisualPrompt(tokens: tokens(256, $0)) }
    let responses = (0..<4).map { group in (0..<4).map { tokens(128, 4 * group + $0) } }
    let found = try model.logProbabilities(after: model.encode(prompts), Continuations(responses)).logProbabilities
    try found.sum().backward()
    let gradient = try model.parameters.trained.reduce(0.0) { try $0 + ($1.tensor.gradient?.abs().sum().item() ?? 0) }
    print("peak \(try peakMegabytes()) MB, \(before) MB before, \(ContinuousClock.now - started), sum of |gradient| \(gradient)")
  }

  private func peakMegabytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }) / 1024
  }
}
