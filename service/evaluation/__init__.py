"""How good retrieval is: questions with judged answers, measures with intervals, and what each component adds."""
