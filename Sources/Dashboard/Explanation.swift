/// What a curve of the report means, in a sentence or two.
struct Explanation {
  var title: String
  var unit = ""
  var words: String
  /// Values that belong on the y axis whatever the data.
  var including: [Double] = []

  init(of meaning: ReportContent.Meaning) {
    switch meaning {
    case .heldOutAccuracy:
      title = "Held-out accuracy"
      words = "Share of problems never trained on that greedy decoding answers right. The number that counts."
      including = [0, 1]
    case .outcome:
      title = "Outcome reward"
      words = "Mean rule-based reward of the sampled responses: the right answer in the right form. It should rise."
      including = [0, 1]
    case .thinking:
      title = "Thinking reward"
      words = """
        Mean score that the thinking-reward model gives the reasoning, in groups where it was asked. Rising with the \
        outcome is better reasoning; rising alone is a model being flattered.
        """
      including = [0, 1]
    case .gamma:
      title = "Trust weight γ"
      words = """
        How far the thinking reward is trusted. 1 where right answers think at least as well as wrong ones; less where \
        the model prefers the reasoning of wrong ones (equation 3).
        """
      including = [1]
    case .kl:
      title = "KL to the reference"
      unit = "nats a token"
      words = "How far the policy has moved from the frozen one it started as. Steady growth is learning, a leap is trouble."
      including = [0]
    case .entropy:
      title = "Entropy"
      unit = "nats a token"
      words = "How undecided the policy is about the next token. Near 0 nothing new is tried any more."
      including = [0]
    case .length:
      title = "Response length"
      unit = "tokens"
      words = "Whether the policy learns to reason at greater or lesser length. A plateau at the limit means cut-off answers."
      including = [0]
    case .throughput:
      title = "Throughput"
      unit = "responses/s"
      words = "Responses trained by the second in each step: rollout, scoring, update and broadcast together."
      including = [0]
    case .other:
      title = "Metric"
      words = ""
    }
  }
}
