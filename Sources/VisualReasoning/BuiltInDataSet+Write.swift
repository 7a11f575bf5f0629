package import DataSets
internal import DurableFiles
internal import Images

extension BuiltInDataSet {
  /// The files of rows, by what they are for.
  package enum RowFile: String, Sendable, CaseIterable {
    /// Problems to train on by reinforcement.
    case train = "train.jsonl"
    /// Problems to evaluate on.
    case heldOut = "held-out.jsonl"
    /// What each picture shows, and sums: to learn from before anything else.
    case basics = "basics.jsonl"
    /// Responses to learn from by supervision.
    case supervised = "sft.jsonl"
    /// Traces with scores, to train a thinking-reward model on.
    case judged = "trm.jsonl"
    /// Traces with scores, to evaluate one on.
    case judgedHeldOut = "trm-held-out.jsonl"

    var part: DataPart {
      switch self {
      case .train, .basics, .supervised, .judged: .train
      case .heldOut, .judgedHeldOut: .heldOut
      }
    }

    var use: RowUse {
      switch self {
      case .train, .heldOut: .grading
      case .basics, .supervised: .supervised
      case .judged, .judgedHeldOut: .judging
      }
    }
  }

  static let pictureFolder = "images"
  /// What each picture shows, kept apart from the rows: for checks and for measuring how sound a trace is.
  package static let sceneFile = "scenes.jsonl"
  /// One text a line, for training a tokenizer: problems, responses and spoilt traces.
  package static let corpusFile = "corpus.txt"

  package func rows(of file: RowFile) -> [DataRow] {
    switch file {
    case .train, .heldOut: problems(file.part)
    case .basics: basicRows()
    case .supervised: supervisedRows()
    case .judged, .judgedHeldOut: judgedRows(file.part)
    }
  }

  /// Writes the folder, whole or not at all, in place of any that was there.
  ///
  /// - Parameter progress: told now and then how many pictures are drawn, and of how many.
  /// - Throws: `FileError`.
  package func write(
    to folder: String, progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws -> DataManifest {
    var manifest: DataManifest?
    try DurableFiles.writeFolder(folder) { aside in
      var files = [try writePictures(to: "\(aside)/\(Self.pictureFolder)", progress: progress)]
      var corpus = ""
      for file in RowFile.allCases {
        let rows = rows(of: file)
        if file.part == .train { Self.add(rows.prefix(6000), to: &corpus) }
        let text = rows.reduce(into: "") { $0 += $1.json.serialized + "\n" }
        files.append(try Self.write(text, count: rows.count, as: file.rawValue, in: aside))
      }
      files.append(try Self.write(corpus, count: corpus.utf8.count { $0 == 0x0A }, as: Self.corpusFile, in: aside))
      files.append(try writeScenes(to: aside))
      let made = DataManifest(version: DataManifest.currentVersion, recipe: recipe, files: files)
      try DurableFiles.write(made.encoded(), to: "\(aside)/\(DataManifest.fileName)")
      manifest = made
    }
    guard let manifest else { preconditionFailure("a folder was written without being filled") }
    return manifest
  }

  /// Whether `folder` was made from this recipe; its files are not looked at.
  package func isWritten(to folder: String) -> Bool {
    (try? DataManifest.read(folder: folder))?.recipe == recipe
  }

  private func writePictures(to folder: String, progress: (Int, Int) -> Void) throws -> DataManifest.File {
    try DurableFiles.createFolder(folder)
    let total = trainScenes.count + heldOutScenes.count
    var done = 0
    var hasher = SHA256Hasher()
    for part in [DataPart.heldOut, .train] {
      for (index, scene) in scenes(of: part).enumerated() {
        let bytes = ImageFile.encodePNG(picture(part, index, scene))
        bytes.withUnsafeBytes { hasher.update($0) }
        try DurableFiles.writeForFolder(bytes, to: "\(folder)/\(Self.name(part.rawValue, index)).png")
        done += 1
        if done % 100 == 0 || done == total { progress(done, total) }
      }
    }
    return DataManifest.File(name: Self.pictureFolder, count: total, sha256: hasher.finish().description)
  }

  func picture(_ part: DataPart, _ index: Int, _ scene: Scene) -> RGBImage {
    recipe.renderer.picture(of: scene, seed: recipe.seed, index: Self.stream(part, index))
  }

  private func writeScenes(to folder: String) throws -> DataManifest.File {
    var text = ""
    for part in DataPart.allCases {
      for (index, scene) in scenes(of: part).enumerated() {
        text += PicturedScene(path: Self.picturePath(part, index), scene: scene).json.serialized + "\n"
      }
    }
    return try Self.write(text, count: trainScenes.count + heldOutScenes.count, as: Self.sceneFile, in: folder)
  }

  private static func add(_ rows: ArraySlice<DataRow>, to corpus: inout String) {
    for row in rows {
      corpus += row.prompt.split(separator: "\n").joined(separator: " ") + "\n"
      if let response = row.response { corpus += response + "\n" }
    }
  }

  private static func write(_ text: String, count: Int, as name: String, in folder: String) throws -> DataManifest.File {
    let bytes = Array(text.utf8)
    try DurableFiles.write(bytes, to: "\(folder)/\(name)")
    return DataManifest.File(name: name, count: count, sha256: SHA256Digest(of: bytes).description)
  }
}
