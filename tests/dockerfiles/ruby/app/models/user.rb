app/models/user.rb
