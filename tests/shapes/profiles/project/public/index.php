<?php
echo 'clinic';
