"""A deployment is data: persona, roles, limits and registers of one chatbot that this code base can be."""
