internal import TrustGRPO

extension RunSettings {
  /// What no single key can be blamed for: settings that are needed, and settings that do not go together.
  func check(file: String) throws(SettingsError) {
    if model.folder.isEmpty {
      throw .missing("model.folder", place: file, why: "name the policy's folder: model.folder=DIR")
    }
    if data.trainFiles.isEmpty {
      throw .missing("data.trainFiles", place: file, why: "name the files with the training rows: data.trainFiles=rows.jsonl")
    }
    if thinking.kind == .local, thinking.folder.isEmpty {
      throw .missing("thinking.folder", place: file, why: "name the thinking-reward model's folder, or set thinking.kind=none")
    }
    if thinking.kind == .served, thinking.url.isEmpty || thinking.model.isEmpty {
      throw .missing(
        thinking.url.isEmpty ? "thinking.url" : "thinking.model", place: file,
        why: "name the endpoint and the model that it serves: thinking.url=http://HOST:8000/v1 thinking.model=NAME")
    }
    if thinking.kind == .served, thinking.requestSeconds + thinking.waitSeconds > cluster.leaseSeconds * Thinking.shareOfLease {
      throw .conflict(
        "thinking.requestSeconds \(thinking.requestSeconds) and thinking.waitSeconds \(thinking.waitSeconds) are more than \(Thinking.shareOfLease) of cluster.leaseSeconds \(cluster.leaseSeconds)",
        place: file, advice: "a group is issued again while it still waits for its scores: shorten the waits or lengthen the lease")
    }
    if !rewards.program.isEmpty, rewards.timeoutSeconds > cluster.leaseSeconds {
      throw .conflict(
        "rewards.timeoutSeconds \(rewards.timeoutSeconds) is more than cluster.leaseSeconds \(cluster.leaseSeconds)", place: file,
        advice: "a group is issued again while it is still being graded: shorten the one or lengthen the other")
    }
    if let least = data.minPixels, let most = data.maxPixels, least > most {
      throw .conflict(
        "data.minPixels \(least) is more than data.maxPixels \(most)", place: file, advice: "swap or correct them")
    }
    let responses = rollout.promptsPerStep * rollout.groupSize
    if let batch = optimizer.globalBatchSize, batch % rollout.groupSize != 0 || responses % batch != 0 {
      throw .conflict(
        "optimizer.globalBatchSize \(batch) does not divide the \(responses) responses of a step into whole groups of \(rollout.groupSize)",
        place: file, advice: "take a multiple of rollout.groupSize that divides rollout.promptsPerStep * rollout.groupSize")
    }
    if optimizer.masterWeights, model.dtype != "bf16" || model.lora.rank > 0 {
      throw .conflict(
        "optimizer.masterWeights is true and what is trained is fp32 already "
          + (model.lora.rank > 0 ? "(adapters, model.lora.rank \(model.lora.rank))" : "(model.dtype \(model.dtype))"),
        place: file, advice: "leave optimizer.masterWeights out, or train the weights themselves with model.dtype=bf16")
    }
    if cluster.peerTimeoutSeconds < 2 * cluster.heartbeatSeconds {
      throw .conflict(
        "cluster.peerTimeoutSeconds \(cluster.peerTimeoutSeconds) is less than two heartbeats of \(cluster.heartbeatSeconds)",
        place: file, advice: "take at least twice cluster.heartbeatSeconds")
    }
  }

  /// What the settings amount to where that may surprise.
  var remarks: [String] {
    var remarks: [String] = []
    if algorithm.usesThinking, thinking.kind == .none {
      remarks.append("there is no thinking-reward model (thinking.folder or thinking.url): the outcome reward is trained alone")
    }
    if data.heldOutFiles.isEmpty {
      remarks.append("there are no held-out rows (data.heldOutFiles): nothing is evaluated")
    }
    return remarks
  }

  /// Turns `run.epochs`, if it is set, into steps: as many whole steps as that many passes over the rows give, at least one.
  ///
  /// - Parameter trainingRows: rows in all of `data.trainFiles`, more than 0.
  package mutating func resolve(trainingRows: Int) {
    guard let epochs = run.epochs else { return }
    let followsSteps = algorithm.totalSteps == run.steps
    run.steps = max(1, trainingRows * epochs / rollout.promptsPerStep)
    run.epochs = nil
    if followsSteps { algorithm.totalSteps = run.steps }
  }
}
