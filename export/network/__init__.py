"""A network as a graph of TFLite operators: read from a flatbuffer, computed with TensorFlow, tensor by tensor."""
