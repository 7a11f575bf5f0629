internal import DurableFiles
internal import Foundation

/// The weights of a Hugging Face folder: `model.safetensors`, or the files that `model.safetensors.index.json` lists.
package final class SafetensorsFolder {
  package let path: String
  /// Sorted.
  package let names: [String]
  private let files: [String: SafetensorsFile]

  package init(_ path: String) throws {
    let single = path + "/model.safetensors"
    let indexPath = path + "/model.safetensors.index.json"
    var files: [String: SafetensorsFile] = [:]
    if FileManager.default.fileExists(atPath: single) || !FileManager.default.fileExists(atPath: indexPath) {
      let file = try SafetensorsFile(single)
      for name in file.names { files[name] = file }
    } else {
      struct Index: Decodable { let weight_map: [String: String] }
      let bytes = try DurableFiles.read(indexPath, limit: SafetensorsHeader.lengthLimit)
      guard let index = try? JSONDecoder().decode(Index.self, from: Data(bytes)) else {
        throw TorchError.damaged(indexPath, "it has no weight_map")
      }
      var open: [String: SafetensorsFile] = [:]
      for (name, fileName) in index.weight_map {
        guard !fileName.contains("/"), !fileName.contains("\0"), fileName.hasSuffix(".safetensors") else {
          throw TorchError.damaged(indexPath, "it puts tensor \(name) into \(fileName), which is no file of this folder")
        }
        let file = try open[fileName] ?? SafetensorsFile(path + "/" + fileName)
        open[fileName] = file
        guard file.shape(of: name) != nil else {
          throw TorchError.damaged(indexPath, "it puts tensor \(name) into \(fileName), which does not hold it")
        }
        files[name] = file
      }
    }
    self.path = path
    self.files = files
    names = files.keys.sorted()
  }

  package func shape(of name: String) -> [Int]? { files[name]?.shape(of: name) }

  package func dtype(of name: String) -> DType? { files[name]?.dtype(of: name) }

  /// A copy of a tensor; see `SafetensorsFile.tensor`.
  package func tensor(_ name: String, shape: [Int]? = nil, on device: Device = .cpu) throws(TorchError) -> Tensor {
    guard let file = files[name] else {
      throw TorchError(
        code: "safetensors.missing", message: "\(path) has no tensor \(name)",
        advice: "use the weights that belong to this model's config.json")
    }
    return try file.tensor(name, shape: shape, on: device)
  }
}
