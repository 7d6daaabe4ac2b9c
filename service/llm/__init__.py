"""What writes answers: the extractive engine that ships, behind the Protocol that any other engine implements."""
