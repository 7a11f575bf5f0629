package import DataSets
internal import DurableFiles
internal import Limits
package import Rollout

/// The training rows as tasks. Image files are read when a task is asked for, and must lie where the rows say.
package struct RowCatalogue: TaskCatalogue {
  package let rows: [DataRow]
  private let system: String?

  /// - Parameter system: for rows that bring no system prompt of their own.
  package init(rows: [DataRow], system: String?) {
    self.rows = rows
    self.system = system
  }

  package var count: Int { rows.count }

  package func task(of prompt: UInt32) throws -> PromptTask {
    try rows[Int(prompt)].task(system: system)
  }
}

extension DataRow {
  /// The row with its images read.
  ///
  /// - Parameter system: used if the row brings none.
  package func task(system: String?) throws -> PromptTask {
    PromptTask(
      problem: prompt, system: self.system ?? system,
      images: try images.map { try DurableFiles.read($0.path, limit: Limits.standard.images.file) },
      problemType: problemType.rawValue, solution: solution)
  }
}
