internal import ActionableErrors
internal import DurableFiles

extension DataRow {
  /// The row as a JSON object in the form that `DataFile` reads; fields without a value are left out.
  package var json: JSONValue {
    let number = Int(problemID).flatMap { String($0) == problemID ? JSONValue.integer($0) : nil }
    var members: [JSONValue.Member] = [
      .init("problem_id", number ?? .string(problemID)),
      .init("problem", .string(problem)), .init("data_type", .string(kind.rawValue)),
      .init("problem_type", .string(problemType.rawValue)),
      .init("options", .array(options.map { .string($0) })),
    ]
    func add(_ name: String, _ value: JSONValue?) {
      if let value { members.append(.init(name, value)) }
    }
    add("solution", solution.isEmpty ? nil : .string(solution))
    switch images.count {
    case 0: break
    case 1: add("path", .string(images[0].name))
    default: add("paths", .array(images.map { .string($0.name) }))
    }
    add("data_source", dataSource.map { .string($0) })
    add("system", system.map { .string($0) })
    add("response", response.map { .string($0) })
    add("thinking_score", thinkingScore.map { .number($0) })
    return .object(members)
  }
}

extension DataFile {
  /// Writes rows as JSONL, whole or not at all.
  package static func write(_ rows: [DataRow], to path: String) throws {
    var text = ""
    for row in rows { text += row.json.serialized + "\n" }
    try DurableFiles.write(text, to: path)
  }
}
