package import Dashboard
internal import RunStore

/// What is written at the end of a run, and again by `sophia report`.
package enum RunReport {
  /// Writes `report.html` and `summary.json` from the run file.
  @discardableResult
  package static func write(_ folder: RunFolder) throws -> Summary {
    let reader = try RunReader(path: folder.store)
    let content = try ReportContent(reader, heldOut: "held-out")
    try Report(content).write(to: folder.report)
    let summary = Summary(content)
    try summary.write(to: folder.summary)
    return summary
  }
}
