"""What runs by itself: a job, a daily schedule and, for feeds by files, a sensor of late files per processor; and one
sensor that tells people."""
