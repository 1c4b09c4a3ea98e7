"""Tables of the front end, for its arithmetic in float32 and in int32."""
