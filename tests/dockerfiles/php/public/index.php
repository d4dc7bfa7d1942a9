public/index.php
