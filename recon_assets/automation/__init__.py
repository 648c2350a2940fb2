"""What runs by itself: a job and a daily schedule per processor."""
