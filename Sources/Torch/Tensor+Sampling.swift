internal import CTorch

extension Tensor {
  /// A token drawn for some of the rows of these logits, [rows, vocabulary].
  ///
  /// The log-probability that comes with a token is that of softmax(logits / temperature), before top-k and top-p cut it; at
  /// temperature 0 the likeliest token is taken (the first of equals), with that of softmax(logits). A row's token depends
  /// on no other row.
  ///
  /// - Parameters:
  ///   - rows: which rows, one for each draw; a row may be drawn from several times.
  ///   - draws: uniform in [0, 1): the token at which the running sum of the kept weights, in the order of ids, passes this
  ///     share of their total.
  ///   - topK: the likeliest tokens that are kept, 0 for all.
  ///   - topP: of those the fewest whose share is this are kept; 1 keeps all.
  /// - Returns: token ids, -1 where a row is not finite, and log-probabilities in nats.
  package func sampled(
    rows: [Int], draws: [Double], temperature: Double, topK: Int, topP: Double
  ) throws(TorchError) -> (tokens: [Int32], logProbabilities: [Float]) {
    precondition(rows.count == draws.count)
    var tokens = [Int32](repeating: -1, count: rows.count)
    var logProbabilities = [Float](repeating: 0, count: rows.count)
    try Tensor.check("sample", [self]) {
      ctorch_sample(handle, rows, draws, rows.count, temperature, topK, topP, &tokens, &logProbabilities)
    }
    return (tokens, logProbabilities)
  }
}
