lib/tasks/x.rake
