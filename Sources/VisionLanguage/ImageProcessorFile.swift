internal import DurableFiles
internal import Foundation
internal import Limits

extension ImageProcessor {
  /// - Parameter path: a `preprocessor_config.json`, or the model folder that holds one. If it is missing, the
  ///   `image_processor` of the `processor_config.json` beside it is read: newer versions of `transformers` save only that.
  /// - Throws: `FileError` or `ModelError`.
  package init(preprocessorConfig path: String) throws {
    let folder = path.hasSuffix(".json") ? (path as NSString).deletingLastPathComponent : path
    let named = path.hasSuffix(".json") ? path : path + "/preprocessor_config.json"
    let beside = (folder.isEmpty ? "." : folder) + "/processor_config.json"
    let files = FileManager.default
    let found = !files.fileExists(atPath: named) && files.fileExists(atPath: beside) ? beside : named
    try self.init(json: DurableFiles.read(found, limit: Limits.standard.models.configuration), named: found)
  }

  /// - Parameter name: what to call the file in errors.
  package init(json: [UInt8], named name: String) throws(ModelError) {
    let file: Settings
    do {
      let decoder = JSONDecoder()
      file = try decoder.decode(Nested.self, from: Data(json)).image_processor ?? decoder.decode(
        Settings.self, from: Data(json))
    } catch {
      throw .preprocessorFile("is not the JSON it should be: \(Self.described(error))", name)
    }
    let kind = file.image_processor_type ?? file.feature_extractor_type ?? "Qwen2VLImageProcessor"
    guard kind.hasPrefix("Qwen2VLImageProcessor") || kind.hasPrefix("Qwen2_5_VLImageProcessor") else {
      throw .preprocessorFile("is for \(kind), not for Qwen2VLImageProcessor", name)
    }
    guard file.resample ?? 3 == 3 || file.do_resize == false else {
      throw .preprocessorFile("wants resampling filter \(file.resample ?? 0); only 3, bicubic, is there", name)
    }
    do {
      try self.init(
        minPixels: file.min_pixels ?? file.size?.shortest_edge ?? file.size?.min_pixels ?? 56 * 56,
        maxPixels: file.max_pixels ?? file.size?.longest_edge ?? file.size?.max_pixels ?? 28 * 28 * 1280,
        patchSize: file.patch_size ?? 14, temporalPatchSize: file.temporal_patch_size ?? 2,
        mergeSize: file.merge_size ?? 2, resizes: file.do_resize ?? true,
        rescaleFactor: file.do_rescale ?? true ? file.rescale_factor ?? 1 / 255 : nil,
        normalization: file.do_normalize ?? true
          ? Normalization(
            mean: file.image_mean ?? Normalization.clip.mean,
            standardDeviation: file.image_std ?? Normalization.clip.standardDeviation) : nil)
    } catch {
      throw ModelError(code: error.code, message: "\(name): \(error.message)", advice: error.advice)
    }
  }

  /// Writes `preprocessor_config.json`, limits in both forms, so that every version of `transformers` reads it.
  ///
  /// - Parameter folder: exists.
  /// - Throws: `FileError`.
  package func write(to folder: String) throws {
    let normalization = normalization ?? .clip
    let settings = Settings(
      image_processor_type: "Qwen2VLImageProcessor", do_convert_rgb: true, do_resize: resizes, resample: 3,
      do_rescale: rescaleFactor != nil, rescale_factor: rescaleFactor ?? 1 / 255,
      do_normalize: self.normalization != nil, image_mean: normalization.mean,
      image_std: normalization.standardDeviation, min_pixels: minPixels, max_pixels: maxPixels,
      size: Settings.Size(shortest_edge: minPixels, longest_edge: maxPixels), patch_size: patchSize,
      temporal_patch_size: temporalPatchSize, merge_size: mergeSize)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try DurableFiles.write(Array(encoder.encode(settings)) + [UInt8(ascii: "\n")], to: folder + "/preprocessor_config.json")
  }

  /// The file's own names.
  private struct Settings: Codable {
    var image_processor_type, feature_extractor_type: String?
    var do_convert_rgb, do_resize: Bool?
    var resample: Int?
    var do_rescale: Bool?
    var rescale_factor: Double?
    var do_normalize: Bool?
    var image_mean, image_std: [Double]?
    var min_pixels, max_pixels: Int?
    var size: Size?
    var patch_size, temporal_patch_size, merge_size: Int?

    struct Size: Codable {
      var shortest_edge, longest_edge, min_pixels, max_pixels: Int?
    }
  }

  private struct Nested: Decodable {
    var image_processor: Settings?
  }

  private static func described(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context):
      return context.codingPath.map(\.stringValue).joined(separator: ".") + " has the wrong type"
    default: return "it does not parse"
    }
  }
}

extension ModelError {
  fileprivate static func preprocessorFile(_ what: String, _ name: String) -> ModelError {
    ModelError(
      code: "model.image-processor", message: "\(name) \(what)",
      advice: "use the preprocessor_config.json of a Qwen2.5-VL model")
  }
}
