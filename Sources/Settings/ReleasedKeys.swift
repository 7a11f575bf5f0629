/// What becomes of a key of the configuration that users of SophiaVL-R1's released code already have.
enum ReleasedKey: Sendable {
  /// It means the same as a setting here.
  case same(String)
  /// It means nearly the same; the text is turned into that of the setting, or is not accepted.
  case turned(String, accepted: String, @Sendable (String) -> String?)
  /// It takes other keys into account to say what it means here.
  case combined(Combination)
  /// Only one value is what happens here anyway.
  case only([String], why: String)
  /// It has no effect here, for this reason.
  case ignored(String)

  enum Combination: Sendable {
    /// Prompts per update, of which each has a group.
    case promptsPerUpdate
    /// Responses in memory at once.
    case responsesPerMicroBatch
    /// Both bounds of the ratio.
    case clipRatio
    /// Whether the loss has a KL term.
    case usesKL
    /// Steps, in place of episodes.
    case steps
    /// The name of the run.
    case experiment

    var accepted: String {
      switch self {
      case .promptsPerUpdate, .responsesPerMicroBatch, .steps: "a whole number from 1 on"
      case .clipRatio: "a number from 0 to 1"
      case .usesKL: "true or false"
      case .experiment: "text without /"
      }
    }
  }
}

enum ReleasedTable {
  /// Sections that only the released code's configuration has.
  static let sections: Set<String> = ["worker", "trainer"]

  static let keys: [(path: String, key: ReleasedKey)] = [
    ("data.train_files", .same("data.trainFiles")),
    ("data.val_files", .same("data.heldOutFiles")),
    ("data.prompt_key", .same("data.promptKey")),
    ("data.answer_key", .same("data.answerKey")),
    ("data.image_key", .same("data.imageKey")),
    ("data.rollout_batch_size", .same("rollout.promptsPerStep")),
    ("data.max_prompt_length", .same("data.maximumPromptTokens")),
    ("data.max_response_length", .same("rollout.maximumResponseTokens")),
    ("data.shuffle", .same("data.shuffle")),
    ("data.seed", .same("run.seed")),
    ("data.max_pixels", .same("data.maxPixels")),
    ("data.min_pixels", .same("data.minPixels")),
    ("data.system_prompt", .same("data.systemPrompt")),
    ("algorithm.adv_estimator", .only(["grpo"], why: "advantages are those of equation 6")),
    ("algorithm.kl_coef", .ignored("KL is a term of the loss, worker.actor.kl_loss_coef, and no part of the reward")),
    ("worker.actor.global_batch_size", .combined(.promptsPerUpdate)),
    ("worker.actor.micro_batch_size_per_device_for_update", .combined(.responsesPerMicroBatch)),
    ("worker.actor.max_grad_norm", .same("optimizer.maximumGradientNorm")),
    ("worker.actor.clip_ratio", .combined(.clipRatio)),
    ("worker.actor.entropy_coeff", .ignored("equation 7 has no entropy term")),
    ("worker.actor.use_kl_loss", .combined(.usesKL)),
    ("worker.actor.kl_loss_coef", .same("algorithm.klCoefficient")),
    ("worker.actor.kl_loss_type", .only(["low_var_kl"], why: "KL is estimated by k3, exp(d) - d - 1")),
    ("worker.actor.optim.lr", .same("optimizer.learningRate")),
    ("worker.actor.optim.weight_decay", .same("optimizer.weightDecay")),
    ("worker.actor.model.model_path", .same("model.folder")),
    ("worker.actor.model.freeze_vision_tower", .same("model.freezeVisionTower")),
    ("worker.actor.model.enable_gradient_checkpointing", .same("model.gradientCheckpointing")),
    ("worker.rollout.temperature", .same("rollout.temperature")),
    ("worker.rollout.n", .same("rollout.groupSize")),
    ("worker.rollout.top_p", .same("rollout.topP")),
    ("worker.rollout.top_k", .turned("rollout.topK", accepted: "-1 (all) or a whole number", noneBelowZero)),
    ("worker.reward.alpha", .same("algorithm.releasedAnnealingSteps")),
    ("trainer.total_episodes", .same("run.epochs")),
    ("trainer.max_steps", .combined(.steps)),
    ("trainer.save_freq", .turned("run.checkpointEvery", accepted: "-1 (never) or a whole number", noneBelowZero)),
    ("trainer.val_freq", .turned("run.evaluateEvery", accepted: "-1 (never) or a whole number", noneBelowZero)),
    ("trainer.experiment_name", .combined(.experiment)),
    ("trainer.save_checkpoint_path", .same("run.folder")),
    ("trainer.load_checkpoint_path", .ignored("a run goes on by itself from its newest good checkpoint in run.folder")),
  ]

  /// Keys and whole sections of the released code that concern machinery this program does not have.
  static let machinery: [(path: String, why: String)] = [
    ("data.use_addition_column", "columns are named by data.prompt_key, answer_key and image_key"),
    ("worker.actor.fsdp", "weights are not sharded"), ("worker.actor.offload", "nothing is offloaded"),
    ("worker.actor.padding_free", "groups are padded to fixed shapes, so that runs repeat bit for bit"),
    ("worker.actor.ulysses_sequence_parallel_size", "sequences are not split"),
    ("worker.actor.micro_batch_size_per_device_for_experience", "optimizer.microBatchGroups bounds memory"),
    ("worker.actor.model.trust_remote_code", "a model folder brings no code"),
    ("worker.ref", "the reference policy is the frozen base policy in the learner"),
    ("worker.rollout.tensor_parallel_size", "each worker holds a whole model"),
    ("worker.rollout.gpu_memory_utilization", "generation is the program's own"),
    ("worker.rollout.enable_chunked_prefill", "generation is the program's own"),
    ("worker.rollout.enforce_eager", "generation is the program's own"),
    ("worker.rollout.max_num_batched_tokens", "generation is the program's own"),
    ("worker.rollout.limit_images", "a row may have as many images as it names"),
    ("worker.reward.reward_type", "each row's problem_type says how it is judged"),
    ("worker.reward.compute_score", "each row's problem_type says how it is judged"),
    ("worker.reward.val_compute_score", "each row's problem_type says how it is judged"),
    ("trainer.logger", "everything is in the run's SQLite file"), ("trainer.project_name", "run.folder names the run"),
    ("trainer.n_gpus_per_node", "cluster says how many processes there are"),
    ("trainer.nnodes", "cluster says how many processes there are"),
    ("trainer.val_before_train", "every run is evaluated before and after"),
    ("trainer.val_only", "use sophia eval"), ("trainer.val_generations_to_log", "the report shows examples"),
    ("trainer.remove_previous_ckpt", "run.keepCheckpoints says how many stay"),
    ("trainer.remove_ckpt_after_load", "run.keepCheckpoints says how many stay"),
  ]

  @Sendable private static func noneBelowZero(_ text: String) -> String? {
    guard let value = Int(text), value >= -1 else { return nil }
    return String(max(value, 0))
  }
}
