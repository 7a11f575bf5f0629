internal import DataSets
internal import DurableFiles
internal import Images
internal import Limits

extension BuiltInDataSet {
  /// Checks a folder: its files are as they were written, every row parses, every picture decodes to the right size, and every
  /// solution, response and score agrees with the scene of its picture.
  ///
  /// - Returns: the manifest, whose counts hold.
  /// - Throws: `FileError`, `DataError`, `ImageError` or `VisualReasoningError` for the first thing that is wrong.
  package static func check(_ folder: String) throws -> DataManifest {
    let manifest = try DataManifest.read(folder: folder)
    let scenes = try SceneCatalogue(folder: folder)
    let expected = Set(RowFile.allCases.map(\.rawValue) + [pictureFolder, corpusFile, sceneFile])
    guard Set(manifest.files.map(\.name)) == expected, manifest.files.count == expected.count else {
      throw VisualReasoningError.badManifest(
        path: "\(folder)/\(DataManifest.fileName)", reason: "it does not list the files of one")
    }
    for file in manifest.files {
      let path = "\(folder)/\(file.name)"
      if file.name == pictureFolder {
        try checkPictures(of: manifest.recipe, in: folder, sha256: file.sha256)
      } else {
        let digest = SHA256Digest(of: try DurableFiles.read(path, limit: Limits.standard.texts.dataFile))
        guard digest.description == file.sha256 else { throw VisualReasoningError.changed(path: path) }
      }
      if let kind = RowFile(rawValue: file.name), file.count > 0 {
        try checkRows(kind, path: path, count: file.count, scenes: scenes)
      }
    }
    return manifest
  }

  private static func checkPictures(of recipe: DataRecipe, in folder: String, sha256: String) throws {
    var hasher = SHA256Hasher()
    for (part, count) in [(DataPart.heldOut, recipe.heldOutRows), (.train, recipe.trainRows)] {
      for index in 0..<count {
        let path = "\(folder)/\(picturePath(part, index))"
        let bytes = try DurableFiles.read(path, limit: 1 << 20)
        let image = try ImageFile.decode(bytes, named: path)
        guard image.width == SceneRenderer.width, image.height == SceneRenderer.height else {
          throw VisualReasoningError.changed(path: path)
        }
        bytes.withUnsafeBytes { hasher.update($0) }
      }
    }
    guard hasher.finish().description == sha256 else {
      throw VisualReasoningError.changed(path: "\(folder)/\(pictureFolder)")
    }
  }

  private static func checkRows(_ file: RowFile, path: String, count: Int, scenes: SceneCatalogue) throws {
    let rows = try DataFile.read(path, use: file.use)
    guard rows.count == count else { throw VisualReasoningError.changed(path: path) }
    for (index, row) in rows.enumerated() {
      if let reason = fault(in: row, of: file, scenes: scenes) {
        throw VisualReasoningError.badRow(path: path, line: index + 1, reason: reason)
      }
    }
  }

  /// What contradicts the scene, if anything does.
  private static func fault(in row: DataRow, of file: RowFile, scenes: SceneCatalogue) -> String? {
    if file == .basics { return basicFault(in: row, scenes: scenes) }
    guard let question = Question(text: row.problem) else { return "the problem is not one of its questions" }
    guard let picture = row.images.first?.name, let scene = scenes.scene(path: picture) else {
      return "there is no scene for its picture"
    }
    guard DataPart(of: scene) == file.part else { return "its scene belongs to the other part" }
    let answer = question.answer(on: scene)
    guard row.solution == "<answer>\(answer)</answer>" else {
      return "the solution is \(row.solution), and the scene's is \(answer)"
    }
    guard row.options == question.options, (row.problemType == .multipleChoice) == question.isMultipleChoice else {
      return "its options do not fit the question"
    }
    if let score = row.thinkingScore {
      guard let truth = scenes.assess(row.response ?? "", to: row)?.score, truth == score else {
        return "the score is \(score), and the trace deserves another"
      }
    }
    return nil
  }

  private static func basicFault(in row: DataRow, scenes: SceneCatalogue) -> String? {
    // Calculations are covered by the file's hash.
    guard row.kind == .image else { return nil }
    guard let picture = row.images.first?.name, let scene = scenes.scene(path: picture) else {
      return "there is no scene for its picture"
    }
    if let question = Question(text: row.problem) {
      return row.response == workedOut(question, on: scene) ? nil : "the response does not work out what its picture shows"
    }
    let asked = row.problem.split(separator: " ").compactMap { BarColour(rawValue: String($0)) }
    return row.response == reading(of: asked, on: scene) ? nil : "the response does not read what its picture shows"
  }
}
