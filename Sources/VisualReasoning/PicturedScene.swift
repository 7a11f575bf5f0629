package import DataSets
internal import DurableFiles

/// A line of `scenes.jsonl`: a picture, by its path relative to the folder, and the values of its bars from left to right:
/// `{"path": "images/train-000000.png", "bars": [["blue", 3], ["red", 7], ["gray", 0], ["green", 9]]}`.
struct PicturedScene: Equatable {
  let path: String
  let scene: Scene

  var json: JSONValue {
    let bars = scene.bars.map { JSONValue.array([.string($0.colour.rawValue), .integer($0.value)]) }
    return .object([.init("path", .string(path)), .init("bars", .array(bars))])
  }

  init(path: String, scene: Scene) {
    self.path = path
    self.scene = scene
  }

  init?(json: JSONValue) {
    guard let path = json["path"]?.text, let list = json["bars"]?.elements else { return nil }
    let bars = list.compactMap { bar -> Scene.Bar? in
      guard case .array(let pair) = bar, pair.count == 2, let colour = pair[0].text.flatMap(BarColour.init(rawValue:)),
        case .integer(let value) = pair[1]
      else { return nil }
      return Scene.Bar(colour: colour, value: value)
    }
    guard bars.count == list.count, let scene = Scene(bars: bars) else { return nil }
    self.init(path: path, scene: scene)
  }
}

/// What the pictures of a folder of the built-in data set show, by their paths as rows give them. The policy never sees it;
/// it serves to judge traces.
package struct SceneCatalogue: Sendable {
  private let scenes: [String: Scene]

  /// - Throws: `FileError`, or `VisualReasoningError` for the first line that is no scene.
  package init(folder: String) throws {
    let path = "\(folder)/\(BuiltInDataSet.sceneFile)"
    let bytes = try DurableFiles.read(path)
    var scenes: [String: Scene] = [:]
    for (index, line) in bytes.split(separator: 0x0A).enumerated() {
      guard let pictured = (try? JSONParser.parse(line)).flatMap(PicturedScene.init(json:)) else {
        throw VisualReasoningError.badRow(path: path, line: index + 1, reason: "it is not a picture and its bars")
      }
      scenes[pictured.path] = pictured.scene
    }
    self.scenes = scenes
  }

  /// - Parameter path: of the picture, as a row gives it.
  package func scene(path: String) -> Scene? {
    scenes[path]
  }

  /// How sound the trace of a response to `row` is; nil where the row is not of this data set. Text without `<think>` tags is
  /// taken as a trace as it stands.
  package func assess(_ response: String, to row: DataRow) -> TraceAssessment? {
    guard let name = row.images.first?.name, let scene = scenes[name], let question = Question(text: row.problem)
    else { return nil }
    return TraceChecker(scene: scene, question: question).assess(Trace(response: response))
  }
}

extension Trace {
  /// What stands between the first `<think>` and the `</think>` after it, or all of a text without them.
  package init(response: String) {
    var thinking = response[...]
    if let open = thinking.firstRange(of: "<think>") { thinking = thinking[open.upperBound...] }
    if let close = thinking.firstRange(of: "</think>") { thinking = thinking[..<close.lowerBound] }
    self.init(text: String(thinking))
  }
}
