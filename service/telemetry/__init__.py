"""What the service says about itself: metrics, log lines and traces, without a word of what people ask."""
