internal import ActionableErrors

/// Why a picture cannot be used. Each case begins with the name of the file, as given by the caller.
package enum ImageError: ActionableError, Equatable {
  /// The bytes are neither PNG nor JPEG; `kind` says what they look like.
  case notAnImage(String, kind: String)
  /// It begins as a PNG or JPEG, but does not decode.
  case damaged(String, reason: String)
  /// The header announces more than the limit.
  case tooLarge(String, width: Int, height: Int, limit: PixelLimit)

  package var code: String {
    switch self {
    case .notAnImage: "image.not-an-image"
    case .damaged: "image.damaged"
    case .tooLarge: "image.too-large"
    }
  }

  package var message: String {
    switch self {
    case .notAnImage(let name, let kind): "\(name) is not a PNG or JPEG image but \(kind)"
    case .damaged(let name, let reason): "\(name) is a damaged image: \(reason)"
    case .tooLarge(let name, let width, let height, let limit):
      "\(name) has \(width) x \(height) pixels, more than the \(limit.pixels) pixels or the side of \(limit.side) allowed"
    }
  }

  package var advice: String {
    switch self {
    case .notAnImage: "name a PNG or JPEG file, or convert it to one"
    case .damaged: "fetch or make the file again"
    case .tooLarge: "scale it down first"
    }
  }
}
