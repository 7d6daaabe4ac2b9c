"""A crowd of users by Locust, in a process of its own: `run.run_load` starts it, `evidence` judges what it wrote."""
