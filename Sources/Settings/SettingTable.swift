internal import Limits
internal import TrustGRPO

/// Every setting of a run, in the order in which the documentation shows them.
enum SettingTable {
  static let keys: [SettingKey] =
    model + data + rollout + algorithm + optimizer + rewards + thinking + run + cluster

  static let sections: [(name: String, meaning: String)] = [
    ("model", "the policy that is trained"), ("data", "the problems"), ("rollout", "how responses are sampled"),
    ("algorithm", "Trust-GRPO"), ("optimizer", "AdamW and the shape of a batch"), ("rewards", "a program of your own in place of the outcome rules"), ("thinking", "the thinking-reward model"),
    ("run", "length, checkpoints, evaluation"), ("cluster", "processes on this machine, and when a peer counts as lost"),
  ]

  private static let model: [SettingKey] = [
    .text("model.folder", \.model.folder, "a folder", "Qwen2.5-VL in Hugging Face layout; needed"),
    .choice("model.dtype", \.model.dtype, ["fp32", "bf16"], "type of the weights, in memory, on the way to workers and in the saved policy"),
    .text("model.device", \.model.device, "cpu, cuda or cuda:N", "where tensors live", if: isDevice),
    .flag("model.freezeVisionTower", \.model.freezeVisionTower, "leave the vision tower as it is"),
    .flag(
      "model.gradientCheckpointing", \.model.gradientCheckpointing,
      "keep a layer's input alone and work it out again in the backward pass: less memory, a third more time"),
    .whole("model.lora.rank", \.model.lora.rank, 0...4096, "train adapters (LoRA) of this rank and leave the weights; 0: train the weights"),
    .number("model.lora.alpha", \.model.lora.alpha, .above(0, to: 1e6), "what adapters add is multiplied by alpha / rank"),
    .texts(
      "model.lora.targets", \.model.lora.targets, "a list out of \(RunSettings.Model.Lora.allTargets.joined(separator: ", "))",
      "projections of the decoder that have one", if: areTargets),
  ]

  private static let data: [SettingKey] = [
    .texts("data.trainFiles", \.data.trainFiles, "a list of files", "JSON lists or JSONL; needed"),
    .texts("data.heldOutFiles", \.data.heldOutFiles, "a list of files", "for evaluation; none: no evaluation"),
    .text("data.promptKey", \.data.promptKey, "text", "field with the problem"),
    .text("data.answerKey", \.data.answerKey, "text", "field with the solution"),
    .text("data.imageKey", \.data.imageKey, "field with the image or images; null: path or paths"),
    .flag("data.shuffle", \.data.shuffle, "a new order of rows each epoch, from run.seed"),
    .whole("data.minPixels", \.data.minPixels, 1...1 << 28, "smaller images are enlarged; null: as the model's folder says"),
    .whole("data.maxPixels", \.data.maxPixels, 1...1 << 28, "larger images are reduced; null: as the model's folder says"),
    .text("data.systemPrompt", \.data.systemPrompt, "for rows without one of their own; null: none"),
    .whole("data.maximumPromptTokens", \.data.maximumPromptTokens, 1...Limits.standard.messages.promptTokens, "a longer prompt is refused by row"),
  ]

  private static let rollout: [SettingKey] = [
    .whole("rollout.groupSize", \.rollout.groupSize, 2...Limits.standard.messages.groupSize, "responses to one prompt, N of equation 6"),
    .whole("rollout.promptsPerStep", \.rollout.promptsPerStep, 1...65536, "prompts in one step of training"),
    .whole("rollout.maximumResponseTokens", \.rollout.maximumResponseTokens, 1...Limits.standard.messages.responseTokens, "a response is cut there"),
    .number("rollout.temperature", \.rollout.temperature, .above(0, to: 10), "of sampling"),
    .number("rollout.topP", \.rollout.topP, .above(0, to: 1), "share of probability that is sampled from"),
    .whole("rollout.topK", \.rollout.topK, 0...1 << 20, "tokens that are sampled from; 0: all"),
    .whole("rollout.staleness", \.rollout.staleness, 0...64, "versions a sample may lag behind; 0: synchronous"),
    .whole(
      "rollout.cacheMegabytes", \.rollout.cacheMegabytes, 1...1 << 24,
      "MiB of keys and values at most, of a worker and of an evaluation; what finds no room is decoded later"),
  ]

  private static let algorithm: [SettingKey] = [
    .choice("algorithm.mode", \.algorithm.mode, "the equations as printed, as released, or the outcome reward alone"),
    .flag("algorithm.trust", \.algorithm.trust, "weigh the thinking reward by gamma, equation 3"),
    .flag("algorithm.annealing", \.algorithm.annealing, "weigh it by exp(-step / T), equation 5"),
    .flag("algorithm.thinkingReward", \.algorithm.thinkingReward, "count it at all"),
    .number("algorithm.alpha", \.algorithm.alpha, .from(0, to: 100), "its share, equation 5"),
    .choice("algorithm.oneSided", \.algorithm.oneSided, "in groups only right or only wrong: leave it out or count it"),
    .choice("algorithm.advantage", \.algorithm.advantage, "divide by the group's standard deviation, or only centre"),
    .number("algorithm.correctThreshold", \.algorithm.correctThreshold, .from(0, to: 1), "an outcome from here on is right"),
    .number("algorithm.clipLow", \.algorithm.clipLow, .from(0, to: 1), "the ratio is held above 1 - clipLow, equation 7"),
    .number("algorithm.clipHigh", \.algorithm.clipHigh, .from(0, to: 100), "and below 1 + clipHigh"),
    .number(
      "algorithm.importanceCap", \.algorithm.importanceCap, .above(0, to: 1e6),
      "with rollout.staleness: the weight of an older sample's token is cut there"),
    .number("algorithm.klCoefficient", \.algorithm.klCoefficient, .from(0, to: 100), "beta of equation 7"),
    .whole("algorithm.totalSteps", \.algorithm.totalSteps, 1...Int.max, "T of equation 5; run.steps unless it is set"),
    .whole(
      "algorithm.releasedAnnealingSteps", \.algorithm.releasedAnnealingSteps, 1...Int.max,
      "T in mode released-code; null: run.steps"),
  ]

  private static let optimizer: [SettingKey] = [
    .number("optimizer.learningRate", \.optimizer.learningRate, .above(0, to: 1), "5e-7 for 7 billion parameters"),
    .number("optimizer.weightDecay", \.optimizer.weightDecay, .from(0, to: 1), "of AdamW"),
    .number("optimizer.beta1", \.optimizer.beta1, .from(0, to: 0.999999), "of AdamW"),
    .number("optimizer.beta2", \.optimizer.beta2, .from(0, to: 0.999999), "of AdamW"),
    .number("optimizer.epsilon", \.optimizer.epsilon, .above(0, to: 1), "of AdamW"),
    .number("optimizer.maximumGradientNorm", \.optimizer.maximumGradientNorm, .above(0), "gradients are scaled down to it"),
    .whole("optimizer.warmupSteps", \.optimizer.warmupSteps, 0...1 << 30, "steps of linear warm-up"),
    .whole("optimizer.globalBatchSize", \.optimizer.globalBatchSize, 2...1 << 24, "responses an update; null: all of a step's"),
    .whole("optimizer.microBatchGroups", \.optimizer.microBatchGroups, 1...65536, "groups in memory at once"),
    .flag(
      "optimizer.masterWeights", \.optimizer.masterWeights,
      "with model.dtype bf16: train fp32 copies of the weights, in which small steps are not lost"),
    .whole(
      "optimizer.microBatchTokens", \.optimizer.microBatchTokens, 1...1 << 30,
      "tokens in memory at once, padding included; a larger group is parted by responses; null: no bound"),
  ]

  private static let rewards: [SettingKey] = [
    .texts("rewards.program", \.rewards.program, "a program and its arguments, or []", "that grades answers on the scorers' machines; []: the rules"),
    .number("rewards.timeoutSeconds", \.rewards.timeoutSeconds, .above(0, to: 86400), "for all answers of a group"),
    .whole("rewards.memoryMegabytes", \.rewards.memoryMegabytes, 1...1 << 30, "of each of its processes; null: no limit"),
    .whole("rewards.restarts", \.rewards.restarts, 0...1000, "in ten minutes; more end the run"),
  ]

  private static let thinking: [SettingKey] = [
    .choice("thinking.kind", \.thinking.kind, "a model in the scorer processes, one behind a chat endpoint, or none"),
    .text("thinking.folder", \.thinking.folder, "a folder", "the local model"),
    .choice("thinking.reading", \.thinking.reading, "of a local model's score: the mean of what it may answer, or what it writes"),
    .text("thinking.url", \.thinking.url, "http://HOST:PORT/v1", "the served model's endpoint, as OpenAI's", if: isAddress),
    .text("thinking.model", \.thinking.model, "a name", "the served model"),
    .text(
      "thinking.keyVariable", \.thinking.keyVariable, "the name of a variable", "of the scorers' environment with its key, if it is set"),
    .whole("thinking.concurrency", \.thinking.concurrency, 1...1024, "requests of a scorer at once"),
    .whole("thinking.answerTokens", \.thinking.answerTokens, 1...1 << 20, "of an answer at most; more for a model that thinks first"),
    .number("thinking.requestSeconds", \.thinking.requestSeconds, .above(0, to: 3600), "until an answer must be there whole"),
    .number("thinking.waitSeconds", \.thinking.waitSeconds, .from(1, to: 86400), "for a service that is down"),
    .choice("thinking.whenDown", \.thinking.whenDown, "after that: issue groups again, go on without (gamma 0), or end the run"),
  ]

  private static let run: [SettingKey] = [
    .text("run.folder", \.run.folder, "a folder", "everything of the run; the same folder again goes on", if: { !$0.isEmpty }),
    .seed("run.seed", \.run.seed, "of every random draw"),
    .whole("run.steps", \.run.steps, 1...Int(UInt32.max), "steps of training"),
    .whole("run.epochs", \.run.epochs, 1...1 << 20, "passes over the rows in place of run.steps; null: run.steps"),
    .whole("run.checkpointEvery", \.run.checkpointEvery, 0...1 << 30, "steps between checkpoints; 0: only at the end"),
    .whole("run.keepCheckpoints", \.run.keepCheckpoints, 1...1000, "newest checkpoints that are kept, at least 2, besides the best"),
    .flag("run.keepGroups", \.run.keepGroups, "for good, as replaying needs; otherwise until no checkpoint needs them"),
    .whole("run.evaluateEvery", \.run.evaluateEvery, 0...1 << 30, "steps between evaluations; 0: only before and after"),
    .whole("run.evaluateRows", \.run.evaluateRows, 0...1 << 30, "held-out rows that are evaluated; 0: all"),
  ]

  private static let cluster: [SettingKey] = [
    .whole("cluster.workers", \.cluster.workers, 0...256, "rollout workers started here; 0: they join from elsewhere"),
    .whole("cluster.scorers", \.cluster.scorers, 0...256, "reward scorers started here; 0: they join from elsewhere"),
    .whole("cluster.learnerThreads", \.cluster.learnerThreads, 1...1024, "threads of the learner"),
    .whole("cluster.workerThreads", \.cluster.workerThreads, 1...1024, "threads of each worker"),
    .whole("cluster.scorerThreads", \.cluster.scorerThreads, 1...1024, "threads of each scorer"),
    .whole("cluster.credit", \.cluster.credit, 1...Limits.standard.messages.credit, "groups that a worker generates at once: more of them share the reading of the weights"),
    .number("cluster.leaseSeconds", \.cluster.leaseSeconds, .from(1, to: 86400), "after which work is issued again"),
    .number("cluster.heartbeatSeconds", \.cluster.heartbeatSeconds, .from(0.05, to: 60), "between signs of life"),
    .number("cluster.peerTimeoutSeconds", \.cluster.peerTimeoutSeconds, .from(0.2, to: 3600), "of silence: a peer is lost"),
    .whole("cluster.maximumAttempts", \.cluster.maximumAttempts, 1...1000, "after which work is set aside with its reason"),
    .number("cluster.hedgeAfter", \.cluster.hedgeAfter, .from(0, to: 1000), "times the usual time: leased twice; 0: never"),
    .number(
      "cluster.stallWarningSeconds", \.cluster.stallWarningSeconds, .from(1, to: 86400),
      "without progress: the learner says whom it waits for"),
    .number(
      "cluster.stallLimitSeconds", \.cluster.stallLimitSeconds, .from(0, to: 1e7),
      "without progress: the run ends with exit code 69; 0: never"),
    .text("cluster.bind", \.cluster.bind, "tcp://ADDRESS:PORT", "where the learner listens; port 0: any free one", if: isEndpoint),
  ]

  @Sendable private static func areTargets(_ names: [String]) -> Bool {
    !names.isEmpty && Set(names).count == names.count && names.allSatisfy(RunSettings.Model.Lora.allTargets.contains)
  }

  @Sendable private static func isAddress(_ text: String) -> Bool {
    text.isEmpty || ["http://", "https://"].contains { text.hasPrefix($0) && text.count > $0.count } && !text.contains { $0.isWhitespace }
  }

  @Sendable private static func isDevice(_ text: String) -> Bool {
    if text == "cpu" || text == "cuda" { return true }
    return text.hasPrefix("cuda:") && Int(text.dropFirst(5)).map { 0...63 ~= $0 } ?? false
  }

  @Sendable private static func isEndpoint(_ text: String) -> Bool {
    guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":") else { return false }
    let address = text.dropFirst(6)[..<colon]
    return !address.isEmpty && Int(text[text.index(after: colon)...]).map { 0...65535 ~= $0 } ?? false
  }
}
