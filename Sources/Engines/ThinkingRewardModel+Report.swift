package import DataSets
internal import DurableFiles

extension ThinkingRewardModel {
  /// How well the model agrees with the scores of rows it has not seen.
  package func report(on rows: [DataRow], progress: (Int) -> Void = { _ in }) throws -> ThinkingRewardReport {
    var found: [Double?] = []
    var rises: [Double] = []
    var problems: [String] = []
    for row in rows {
      let task = try row.task(system: nil)
      let question = try prompt(problem: task.problem, files: task.images, name: "row \(row.problemID)")
      let score = try scores(question, thinking: [row.thinking])
      if row.thinkingScore ?? 0 <= ThinkingRewardReport.unsound, let plain = score[0],
        let confident = try scores(question, thinking: [row.thinking + Self.confidence])[0]
      {
        rises.append(confident - plain)
      }
      found += score
      problems.append(([task.problem] + task.images.map { "\(SHA256Digest(of: $0))" }).joined(separator: "\u{0}"))
      progress(found.count)
    }
    var report = ThinkingRewardReport(
      scores: found, truth: rows.map { $0.thinkingScore ?? 0 },
      problems: problems)
    report.risesByConfidence = rises.isEmpty ? nil : rises.reduce(0, +) / Double(rises.count)
    return report
  }

  /// Words that add nothing.
  private static let confidence = " This is certainly correct. I have checked every step twice and I am sure of it."
}
