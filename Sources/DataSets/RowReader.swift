internal import ActionableErrors
internal import Limits

/// Turns one JSON object into a `DataRow`, or says which field is wrong.
package struct RowReader: Sendable {
  /// How messages name the source.
  package let file: String
  package let places: ImagePlaces
  package let keys: RowKeys
  package let use: RowUse
  /// Whether images must be there and inside their folder.
  package let lookingUpImages: Bool

  package init(
    file: String, places: ImagePlaces, keys: RowKeys = RowKeys(), use: RowUse, lookingUpImages: Bool = true
  ) {
    self.file = file
    self.places = places
    self.keys = keys
    self.use = use
    self.lookingUpImages = lookingUpImages
  }

  /// - Parameters:
  ///   - bytes: one line of JSONL, without its line break.
  ///   - line: from 1.
  ///   - index: of the row in its file, from 0; names a row without `problem_id`.
  package func row(_ bytes: ArraySlice<UInt8>, line: Int, index: Int) throws(DataError) -> DataRow {
    guard bytes.count <= Limits.standard.texts.row else {
      throw error(line, nil, "the row has \(bytes.count) bytes, more than \(Limits.standard.texts.row)", "shorten it")
    }
    let value: JSONValue
    do {
      value = try JSONParser.parse(bytes)
    } catch let problem {
      throw error(line, nil, problem.message, "correct the row; one line of JSONL holds one whole object")
    }
    return try row(value, line: line, index: index)
  }

  package func row(_ value: JSONValue, line: Int, index: Int) throws(DataError) -> DataRow {
    guard case .object = value else {
      throw error(line, nil, "a row is an object, and this is \(value.kind)", "write {\"problem\": ...}")
    }
    let fields = Fields(value: value, line: line, reader: self)
    let needsAnswer = use == .grading
    try refuseVideos(fields)
    let images = try images(fields)
    let kind = try kind(fields, hasImages: !images.isEmpty)
    let needsResponse = use == .supervised || use == .judging
    return DataRow(
      problemID: try fields.identifier("problem_id") ?? "row-\(index + 1)",
      problem: try fields.required(try fields.text(keys.prompt, or: "problem"), keys.prompt),
      kind: kind,
      problemType: try problemType(fields, needed: needsAnswer),
      options: try fields.list("options", limit: Limits.standard.texts.optionsPerRow),
      solution: needsAnswer
        ? try fields.required(try fields.scalar(keys.answer, or: "solution"), keys.answer)
        : try fields.scalar(keys.answer, or: "solution") ?? "",
      images: kind == .text ? [] : images,
      dataSource: try fields.text("data_source"),
      system: try fields.text("system"),
      response: needsResponse ? try fields.required(try fields.text("response"), "response") : try fields.text("response"),
      thinkingScore: try thinkingScore(fields))
  }

  /// A row whose video were left out would be asked without what it is about.
  private func refuseVideos(_ fields: Fields) throws(DataError) {
    let named = ["video", "videos"].first { ![nil, .null, .string(""), .array([])].contains(fields.value[$0]) }
    guard let field = try fields.text("data_type") == "video" ? "data_type" : named else { return }
    throw error(
      fields.line, field, "the row is about a video, and videos are not supported",
      "leave it out, or name frames of the video as images in paths")
  }

  private func images(_ fields: Fields) throws(DataError) -> [ImageReference] {
    let field = fields.value[keys.image] != nil ? keys.image : fields.value["paths"] != nil ? "paths" : "path"
    var images: [ImageReference] = []
    for name in try fields.list(field, limit: Limits.standard.texts.imagesPerRow) {
      let (image, wrong) = ImageReference.resolve(name, in: places, lookingUp: lookingUpImages)
      guard let image else {
        throw error(
          fields.line, field, "image \"\(name.prefix(200))\": \(wrong)",
          "name a file relative to the data file's folder, and inside it")
      }
      images.append(image)
    }
    return images
  }

  private func kind(_ fields: Fields, hasImages: Bool) throws(DataError) -> DataRow.Kind {
    guard let name = try fields.text("data_type") else { return hasImages ? .image : .text }
    guard let kind = DataRow.Kind(rawValue: name) else {
      throw error(fields.line, "data_type", "\"\(name.prefix(40))\" is unknown", "write image or text")
    }
    if kind == .image, !hasImages {
      throw error(fields.line, keys.image, "data_type is image and no image is named", "name its image, or write text")
    }
    return kind
  }

  private func problemType(_ fields: Fields, needed: Bool) throws(DataError) -> ProblemType {
    guard let name = try fields.text("problem_type") else {
      if needed { return try fields.required(nil, "problem_type") }
      return .text
    }
    guard let type = ProblemType(rawValue: name) else {
      throw error(
        fields.line, "problem_type", "\"\(name.prefix(40))\" is unknown",
        "write one of " + ProblemType.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return type
  }

  private func thinkingScore(_ fields: Fields) throws(DataError) -> Double? {
    guard let value = fields.value["thinking_score"], value != .null else {
      if use == .judging { return try fields.required(nil, "thinking_score") }
      return nil
    }
    guard let score = value.double, score >= 0, score <= 1 else {
      throw error(fields.line, "thinking_score", "it is not a number from 0 to 1", "write for instance 0.7")
    }
    return score
  }

  fileprivate func error(_ line: Int, _ field: String?, _ reason: String, _ advice: String) -> DataError {
    DataError(code: "data.bad-row", file: file, line: line, field: field, reason: reason, advice: advice)
  }
}

/// The typed fields of one row.
private struct Fields {
  let value: JSONValue
  let line: Int
  let reader: RowReader

  func required<Value>(_ value: Value?, _ field: String) throws(DataError) -> Value {
    guard let value else {
      throw reader.error(line, field, "it is missing", "add it, or map the field that holds it (data keys)")
    }
    return value
  }

  private func found(_ field: String, or standard: String?) -> (String, JSONValue)? {
    for name in [field, standard ?? field] {
      if let found = value[name], found != .null { return (name, found) }
    }
    return nil
  }

  func text(_ field: String, or standard: String? = nil) throws(DataError) -> String? {
    guard let (name, found) = found(field, or: standard) else { return nil }
    guard let text = found.text else {
      throw reader.error(line, name, "it is \(found.kind), and a string is expected", "put it in double quotes")
    }
    return text
  }

  /// A string, or a number as its text: solutions come as either.
  func scalar(_ field: String, or standard: String? = nil) throws(DataError) -> String? {
    guard let (name, found) = found(field, or: standard) else { return nil }
    guard let text = scalarText(found) else {
      throw reader.error(line, name, "it is \(found.kind), and a string is expected", "put it in double quotes")
    }
    return text
  }

  func identifier(_ field: String) throws(DataError) -> String? { try scalar(field) }

  /// A list of strings; one string stands for a list of one, null for none.
  func list(_ field: String, limit: Int) throws(DataError) -> [String] {
    guard let (_, found) = found(field, or: nil) else { return [] }
    if let text = found.text { return [text] }
    guard let elements = found.elements else {
      throw reader.error(line, field, "it is \(found.kind), and a list of strings is expected", "write [\"...\"]")
    }
    guard elements.count <= limit else {
      throw reader.error(line, field, "it has \(elements.count) elements, more than \(limit)", "shorten it")
    }
    var texts: [String] = []
    for element in elements {
      guard let text = scalarText(element) else {
        throw reader.error(line, field, "one element is \(element.kind)", "make every element a string")
      }
      texts.append(text)
    }
    return texts
  }

  private func scalarText(_ value: JSONValue) -> String? {
    switch value {
    case .string(let text): text
    case .integer(let integer): String(integer)
    case .number(let number): number.description
    default: nil
    }
  }
}
