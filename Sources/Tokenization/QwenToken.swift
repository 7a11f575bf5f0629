/// The special tokens that a Qwen2.5-VL conversation is made of.
package enum QwenToken: String, CaseIterable, Sendable {
  case endOfText = "<|endoftext|>"
  case imStart = "<|im_start|>"
  case imEnd = "<|im_end|>"
  case visionStart = "<|vision_start|>"
  case visionEnd = "<|vision_end|>"
  case visionPad = "<|vision_pad|>"
  case imagePad = "<|image_pad|>"
  case videoPad = "<|video_pad|>"
}
