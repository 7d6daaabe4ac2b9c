"""What workers and machines share through Redis: counts, news of revocations, answers, last questions. Each use has something to fall back to."""
